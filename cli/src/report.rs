//! What was measured in, tables for people out.

pub mod backtest;
pub mod custom;
pub mod numbers;
pub mod quantile;
pub mod red;
pub mod replay;
pub mod slo;
pub mod table;

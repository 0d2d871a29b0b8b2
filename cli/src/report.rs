//! What was measured in, tables for people out, or one page with charts.

pub mod backtest;
pub mod custom;
pub mod html;
pub mod json;
pub mod numbers;
pub mod page;
pub mod quantile;
pub mod red;
pub mod replay;
pub mod slo;
pub mod table;

//! The rooms behind the redline command.

//! Nothing: each filter is an example of this package.

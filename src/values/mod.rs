//! The scalar values with a service-specific text form: datetime, timespan, decimal.

mod datetime;
mod decimal;
mod timespan;

pub use datetime::DateTime;
pub(crate) use decimal::is_decimal;
pub use timespan::TimeSpan;

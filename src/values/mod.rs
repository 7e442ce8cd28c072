//! The scalar values that have a text form of the service's own: datetime, timespan, decimal.

mod datetime;
mod decimal;
mod timespan;

pub use datetime::DateTime;
pub(crate) use decimal::is_decimal;
pub use timespan::TimeSpan;

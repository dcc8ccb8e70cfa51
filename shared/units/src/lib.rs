//! Money, points, times, calendar zones and texts: as they travel, and as they are stored and calculated with.

pub mod money;
pub mod text;
pub mod time;
pub mod zone;

mod points;

pub use points::{Points, PointsOutOfRange};

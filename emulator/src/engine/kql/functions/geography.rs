//! Functions of places on earth, which is a sphere to the service, and of geohashes, which are rectangles in a plane.

use serde_json::{Value as Json, json};

use super::super::super::value::{ColumnType, Value};
use super::record::{Function, Kind, Returns, Values};
use super::values::{dynamic, long, real, string, text};

const DYNAMIC: Returns = Returns::Type(ColumnType::Dynamic);
/// The radius of the sphere, in meters.
pub(super) const RADIUS: f64 = 6_371_010.0;
const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
/// How long a geohash is when nothing is said, and at most.
const USUAL_LENGTH: i64 = 5;
const MOST_LENGTH: i64 = 18;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "geo_distance_2points",
        &[Kind::AsReal, Kind::AsReal, Kind::AsReal, Kind::AsReal],
        Returns::Type(ColumnType::Real),
        |v| Some(Value::Real(distance(place(v, 0)?, place(v, 2)?))),
    ),
    Function::new(
        "geo_point_in_circle",
        &[
            Kind::AsReal,
            Kind::AsReal,
            Kind::AsReal,
            Kind::AsReal,
            Kind::AsReal,
        ],
        Returns::Type(ColumnType::Bool),
        |v| {
            let radius = real(v, 4).filter(|radius| radius.is_finite() && *radius >= 0.0)?;
            Some(Value::Bool(distance(place(v, 0)?, place(v, 2)?) <= radius))
        },
    ),
    Function::new(
        "geo_point_to_geohash",
        &[Kind::AsReal, Kind::AsReal, Kind::Number],
        Returns::Type(ColumnType::String),
        |v| {
            let length = if v.len() > 2 {
                long(v, 2)?
            } else {
                USUAL_LENGTH
            };
            (1..=MOST_LENGTH).contains(&length).then_some(())?;
            string(geohash(place(v, 0)?, usize::try_from(length).ok()?))
        },
    )
    .optional(1),
    Function::new(
        "geo_geohash_to_central_point",
        &[Kind::Text],
        DYNAMIC,
        |v| {
            let (longitude, latitude) = Cell::read(text(v, 0))?.center();
            dynamic(json!({"type": "Point", "coordinates": [longitude, latitude]}))
        },
    ),
    Function::new("geo_geohash_to_polygon", &[Kind::Text], DYNAMIC, |v| {
        let Cell {
            west,
            east,
            south,
            north,
        } = Cell::read(text(v, 0))?;
        let ring = [
            [west, south],
            [east, south],
            [east, north],
            [west, north],
            [west, south],
        ];
        dynamic(json!({"type": "Polygon", "coordinates": [ring]}))
    }),
    Function::new("geo_geohash_neighbors", &[Kind::Text], DYNAMIC, |v| {
        dynamic(neighbors(text(v, 0))?)
    }),
];

/// A longitude and a latitude in degrees, if they are on earth.
pub(super) fn place(v: &Values<'_>, at: usize) -> Option<(f64, f64)> {
    let (longitude, latitude) = (real(v, at)?, real(v, at + 1)?);
    let is_place = (-180.0..=180.0).contains(&longitude) && (-90.0..=90.0).contains(&latitude);
    is_place.then_some((longitude, latitude))
}

/// Along the great circle, by the haversine formula.
pub(super) fn distance(from: (f64, f64), to: (f64, f64)) -> f64 {
    let radians =
        |(longitude, latitude): (f64, f64)| (longitude.to_radians(), latitude.to_radians());
    let ((from_x, from_y), (to_x, to_y)) = (radians(from), radians(to));
    let half_sine = |angle: f64| (angle / 2.0).sin().powi(2);
    let chord = half_sine(to_y - from_y) + from_y.cos() * to_y.cos() * half_sine(to_x - from_x);
    2.0 * RADIUS * chord.sqrt().min(1.0).asin()
}

/// The rectangle of a geohash, in degrees.
struct Cell {
    west: f64,
    east: f64,
    south: f64,
    north: f64,
}

impl Cell {
    fn whole() -> Self {
        Self {
            west: -180.0,
            east: 180.0,
            south: -90.0,
            north: 90.0,
        }
    }

    fn read(hash: &str) -> Option<Self> {
        let length = i64::try_from(hash.len()).ok()?;
        (1..=MOST_LENGTH).contains(&length).then_some(())?;
        let mut cell = Self::whole();
        let mut is_longitude = true;
        for digit in hash.bytes() {
            let digit = DIGITS.iter().position(|known| *known == digit)?;
            for bit in (0..5).rev() {
                cell.halve(is_longitude, digit >> bit & 1 == 1);
                is_longitude = !is_longitude;
            }
        }
        Some(cell)
    }

    fn center(&self) -> (f64, f64) {
        let middle = f64::midpoint;
        (middle(self.west, self.east), middle(self.south, self.north))
    }

    fn halve(&mut self, is_longitude: bool, upper: bool) {
        let (x, y) = self.center();
        *match (is_longitude, upper) {
            (true, true) => &mut self.west,
            (true, false) => &mut self.east,
            (false, true) => &mut self.south,
            (false, false) => &mut self.north,
        } = if is_longitude { x } else { y };
    }
}

fn geohash((longitude, latitude): (f64, f64), length: usize) -> String {
    let mut cell = Cell::whole();
    let mut is_longitude = true;
    let digit = |_| {
        let mut digit = 0;
        for _ in 0..5 {
            let (x, y) = cell.center();
            let upper = if is_longitude {
                longitude >= x
            } else {
                latitude >= y
            };
            cell.halve(is_longitude, upper);
            is_longitude = !is_longitude;
            digit = digit << 1 | usize::from(upper);
        }
        char::from(DIGITS[digit])
    };
    (0..length).map(digit).collect()
}

/// The cells around, in the order of the page's example; beyond a pole there is none.
fn neighbors(hash: &str) -> Option<Json> {
    const AROUND: [(f64, f64); 8] = [
        (-1.0, -1.0),
        (-1.0, 1.0),
        (1.0, -1.0),
        (0.0, 1.0),
        (-1.0, 0.0),
        (1.0, 1.0),
        (1.0, 0.0),
        (0.0, -1.0),
    ];
    let cell = Cell::read(hash)?;
    let (x, y) = cell.center();
    let (width, height) = (cell.east - cell.west, cell.north - cell.south);
    let found = AROUND.iter().filter_map(|(right, up)| {
        let longitude = x + right * width;
        let wrapped = (longitude + 540.0).rem_euclid(360.0) - 180.0;
        let latitude = y + up * height;
        (-90.0..=90.0)
            .contains(&latitude)
            .then(|| Json::from(geohash((wrapped, latitude), hash.len())))
    });
    Some(found.collect())
}

//! Functions of directions and lines on earth, which is a sphere to the service, and of shapes as text.

use serde_json::{Number, Value as Json, json};

use super::super::super::value::{ColumnType, Value};
use super::super::super::watch::goes_on;
use super::geography::{RADIUS, distance, place};
use super::record::{Function, Kind, Returns};
use super::values::{dynamic, json, real, text};

/// A longitude and a latitude in degrees.
type Place = (f64, f64);
type Vector = [f64; 3];

const REAL: Returns = Returns::Type(ColumnType::Real);
/// How deep collections of shapes may be in each other.
const MOST_COLLECTIONS: usize = 16;
const TURN: f64 = std::f64::consts::TAU;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("geo_azimuth", &[Kind::AsReal; 4], REAL, |v| {
        azimuth(place(v, 0)?, place(v, 2)?).map(Value::Real)
    }),
    Function::new("geo_angle", &[Kind::AsReal; 6], REAL, |v| {
        let (first, corner, last) = (place(v, 0)?, place(v, 2)?, place(v, 4)?);
        let angle = azimuth(corner, last)? - azimuth(corner, first)?;
        Some(Value::Real(angle.rem_euclid(TURN)))
    }),
    Function::new("geo_line_length", &[Kind::Dynamic], REAL, |v| {
        let mut edges: Vec<(Place, Place)> = Vec::new();
        for (from, to) in edges_of(json(v, 0)?)? {
            goes_on().then_some(())?;
            // What two lines have in common counts once.
            edges.push(if bits(from) <= bits(to) {
                (from, to)
            } else {
                (to, from)
            });
        }
        edges.sort_by_key(|(from, to)| (bits(*from), bits(*to)));
        edges.dedup_by_key(|(from, to)| (bits(*from), bits(*to)));
        let lengths = edges.iter().map(|(from, to)| distance(*from, *to));
        Some(Value::Real(lengths.sum()))
    }),
    Function::new(
        "geo_line_interpolate_point",
        &[Kind::Dynamic, Kind::AsReal],
        Returns::Type(ColumnType::Dynamic),
        |v| {
            let line = json(v, 0)?;
            let fraction = real(v, 1).filter(|fraction| (0.0..=1.0).contains(fraction))?;
            (line.get("type")?.as_str()? == "LineString").then_some(())?;
            let (longitude, latitude) = place_on(&edges_of(line)?, fraction)?;
            dynamic(json!({"type": "Point", "coordinates": [longitude, latitude]}))
        },
    ),
    Function::new(
        "geo_distance_point_to_line",
        &[Kind::AsReal, Kind::AsReal, Kind::Dynamic],
        REAL,
        |v| {
            let found = place(v, 0)?;
            let edges = edges_of(json(v, 2)?)?.into_iter();
            let edges = edges.take_while(|_| goes_on());
            let distances = edges.map(|(from, to)| distance_to_edge(found, from, to));
            distances.reduce(f64::min).map(Value::Real)
        },
    ),
    Function::new(
        "geo_from_wkt",
        &[Kind::Text],
        Returns::Type(ColumnType::Dynamic),
        |v| {
            let mut wkt = Wkt(text(v, 0));
            let shape = wkt.shape(0)?;
            wkt.0.trim().is_empty().then(|| Value::Dynamic(shape))
        },
    ),
];

fn bits((longitude, latitude): Place) -> (u64, u64) {
    (longitude.to_bits(), latitude.to_bits())
}

/// The direction in which the other place lies, clockwise from north; of the same place and of the one at the other
/// end of the earth there is none.
fn azimuth(from: Place, to: Place) -> Option<f64> {
    let (cross, straight) = (
        cross(vector(from), vector(to)),
        dot(vector(from), vector(to)),
    );
    if from == to || (dot(cross, cross).sqrt() < 1e-15 && straight < 0.0) {
        return None;
    }
    let radians = |(x, y): Place| (x.to_radians(), y.to_radians());
    let ((from_x, from_y), (to_x, to_y)) = (radians(from), radians(to));
    let east = (to_x - from_x).sin() * to_y.cos();
    let north = from_y.cos() * to_y.sin() - from_y.sin() * to_y.cos() * (to_x - from_x).cos();
    Some(east.atan2(north).rem_euclid(TURN))
}

fn vector((longitude, latitude): Place) -> Vector {
    let (x, y) = (longitude.to_radians(), latitude.to_radians());
    [y.cos() * x.cos(), y.cos() * x.sin(), y.sin()]
}

fn cross(a: Vector, b: Vector) -> Vector {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

fn dot(a: Vector, b: Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// To the nearest point of the great circle's arc, which may be one of its ends.
fn distance_to_edge(found: Place, from: Place, to: Place) -> f64 {
    let (point, start, end) = (vector(found), vector(from), vector(to));
    let normal = cross(start, end);
    let is_beside = dot(cross(normal, start), point) > 0.0 && dot(cross(end, normal), point) > 0.0;
    if is_beside {
        let sine = dot(normal, point) / dot(normal, normal).sqrt();
        return RADIUS * sine.abs().min(1.0).asin();
    }
    distance(found, from).min(distance(found, to))
}

/// The place after this fraction of the way along the edges.
fn place_on(edges: &[(Place, Place)], fraction: f64) -> Option<Place> {
    let lengths: Vec<f64> = edges
        .iter()
        .map(|(from, to)| distance(*from, *to))
        .collect();
    let mut left = fraction * lengths.iter().sum::<f64>();
    for ((from, to), length) in edges.iter().zip(lengths) {
        if left > length {
            left -= length;
            continue;
        }
        let (whole, part) = (length / RADIUS, left / RADIUS);
        if part == whole {
            return Some(*to);
        }
        let (start, end) = (vector(*from), vector(*to));
        let at = |axis: usize| {
            ((whole - part).sin() * start[axis] + part.sin() * end[axis]) / whole.sin()
        };
        let (x, y, z) = (at(0), at(1), at(2));
        return Some((y.atan2(x).to_degrees(), z.atan2(x.hypot(y)).to_degrees()));
    }
    // Rounding may leave something at the end.
    edges.last().map(|(_, to)| *to)
}

/// The edges of a LineString or MultiLineString of GeoJSON; `None` when it is neither.
fn edges_of(shape: &Json) -> Option<Vec<(Place, Place)>> {
    let coordinates = shape.get("coordinates")?;
    let lines = match shape.get("type")?.as_str()? {
        "LineString" => vec![coordinates],
        "MultiLineString" => coordinates.as_array()?.iter().collect(),
        _ => return None,
    };
    let mut edges = Vec::new();
    for line in lines {
        let places = line.as_array()?.iter().map(place_of);
        let places = places.collect::<Option<Vec<Place>>>()?;
        (places.len() > 1).then_some(())?;
        edges.extend(places.windows(2).map(|pair| (pair[0], pair[1])));
    }
    (!edges.is_empty()).then_some(edges)
}

fn place_of(coordinates: &Json) -> Option<Place> {
    let [longitude, latitude] = coordinates.as_array()?.as_slice() else {
        return None;
    };
    let (longitude, latitude) = (longitude.as_f64()?, latitude.as_f64()?);
    let is_place = longitude.abs() <= 180.0 && latitude.abs() <= 90.0;
    is_place.then_some((longitude, latitude))
}

/// Well-known text that is still to be read.
struct Wkt<'t>(&'t str);

impl Wkt<'_> {
    /// The shape as GeoJSON, if it is one of those that the page shows.
    fn shape(&mut self, depth: usize) -> Option<Json> {
        const KINDS: [(&str, &str, usize); 6] = [
            ("POINT", "Point", 0),
            ("LINESTRING", "LineString", 1),
            ("POLYGON", "Polygon", 2),
            ("MULTIPOINT", "MultiPoint", 1),
            ("MULTILINESTRING", "MultiLineString", 2),
            ("MULTIPOLYGON", "MultiPolygon", 3),
        ];
        let text = self.0.trim_start();
        let (word, rest) = text.split_at(text.find(|c: char| !c.is_ascii_alphabetic())?);
        self.0 = rest;
        if word.eq_ignore_ascii_case("GEOMETRYCOLLECTION") {
            (depth < MOST_COLLECTIONS).then_some(())?;
            let shapes = self.list(|wkt| wkt.shape(depth + 1))?;
            return Some(json!({"type": "GeometryCollection", "geometries": shapes}));
        }
        let mut kinds = KINDS.iter();
        let (_, kind, depth) = kinds.find(|(known, ..)| word.eq_ignore_ascii_case(known))?;
        let coordinates = match depth {
            0 => {
                self.symbol('(')?;
                let place = self.place()?;
                self.symbol(')')?;
                place
            }
            depth => self.places(*depth)?,
        };
        Some(json!({"type": kind, "coordinates": coordinates}))
    }

    fn places(&mut self, depth: usize) -> Option<Json> {
        self.list(|wkt| match depth {
            1 => wkt.place(),
            _ => wkt.places(depth - 1),
        })
    }

    /// What stands in parentheses, separated by commas.
    fn list(&mut self, element: impl Fn(&mut Self) -> Option<Json>) -> Option<Json> {
        let mut elements = Vec::new();
        self.symbol('(')?;
        loop {
            elements.push(element(self)?);
            if self.symbol(',').is_none() {
                self.symbol(')')?;
                return Some(elements.into());
            }
        }
    }

    /// `1 2`
    fn place(&mut self) -> Option<Json> {
        Some(json!([self.number()?, self.number()?]))
    }

    fn number(&mut self) -> Option<Number> {
        let text = self.0.trim_start();
        let is_part = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
        self.0 = &text[end..];
        match text[..end].parse::<i64>() {
            Ok(whole) => Some(whole.into()),
            Err(_) => Number::from_f64(text[..end].parse().ok()?),
        }
    }

    fn symbol(&mut self, symbol: char) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(symbol)?;
        Some(())
    }
}

//! Functions that convert between units of measurement. The reference lists the units' names; a unit that is not
//! listed gives null. Each table says how much of the quantity's base unit one unit is.

use std::f64::consts::PI;

use super::super::super::value::{ColumnType, Value};
use super::record::{Function, Kind, Returns, Values};
use super::values::{real, text};

const fn convert(name: &'static str, run: fn(&Values<'_>) -> Option<Value>) -> Function {
    Function::new(
        name,
        &[Kind::Real, Kind::Text, Kind::Text],
        Returns::Type(ColumnType::Real),
        run,
    )
}

pub(super) const FUNCTIONS: &[Function] = &[
    convert("convert_angle", angle),
    convert("convert_energy", |v| scaled(v, ENERGY)),
    convert("convert_force", |v| scaled(v, FORCE)),
    convert("convert_length", |v| scaled(v, LENGTH)),
    convert("convert_mass", |v| scaled(v, MASS)),
    convert("convert_speed", |v| scaled(v, SPEED)),
    convert("convert_temperature", temperature),
    convert("convert_volume", |v| scaled(v, VOLUME)),
];

struct Unit {
    name: &'static str,
    /// How much of the base unit it is.
    size: f64,
}

const fn unit(name: &'static str, size: f64) -> Unit {
    Unit { name, size }
}

/// The size of the unit that an argument names, in any case.
fn size(v: &Values<'_>, at: usize, units: &[Unit]) -> Option<f64> {
    let wanted = |unit: &&Unit| unit.name.eq_ignore_ascii_case(text(v, at));
    units.iter().find(wanted).map(|unit| unit.size)
}

fn scaled(v: &Values<'_>, units: &[Unit]) -> Option<Value> {
    let (from, to) = (size(v, 1, units)?, size(v, 2, units)?);
    shown(real(v, 0)? * from / to)
}

/// To as many digits as the pages show, which hides how the number was come by.
fn shown(number: f64) -> Option<Value> {
    format!("{number:.14e}").parse().ok().map(Value::Real)
}

/// The base unit is the radian; a tilt is the sine of an angle.
fn angle(v: &Values<'_>) -> Option<Value> {
    let is_tilt = |at| text(v, at).eq_ignore_ascii_case("tilt");
    let (from, to) = (size(v, 1, ANGLE)?, size(v, 2, ANGLE)?);
    let given = real(v, 0)?;
    let radians = if is_tilt(1) {
        given.asin()
    } else {
        given * from
    };
    shown(if is_tilt(2) {
        radians.sin()
    } else {
        radians / to
    })
}

/// By kelvins: one degree's size, and the kelvins at its zero.
fn temperature(v: &Values<'_>) -> Option<Value> {
    let scale = |at| {
        let wanted = |(name, ..): &&(&str, f64, f64)| name.eq_ignore_ascii_case(text(v, at));
        TEMPERATURE.iter().find(wanted)
    };
    let ((_, from, from_zero), (_, to, to_zero)) = (scale(1)?, scale(2)?);
    let kelvins = real(v, 0)? * from + from_zero;
    shown((kelvins - to_zero) / to)
}

const TEMPERATURE: &[(&str, f64, f64)] = &[
    ("DegreeCelsius", 1.0, 273.15),
    ("DegreeDelisle", -2.0 / 3.0, 373.15),
    ("DegreeFahrenheit", 5.0 / 9.0, 459.67 * 5.0 / 9.0),
    ("DegreeNewton", 100.0 / 33.0, 273.15),
    ("DegreeRankine", 5.0 / 9.0, 0.0),
    ("DegreeReaumur", 5.0 / 4.0, 273.15),
    ("DegreeRoemer", 40.0 / 21.0, 273.15 - 7.5 * 40.0 / 21.0),
    ("Kelvin", 1.0, 0.0),
    ("MillidegreeCelsius", 1e-3, 273.15),
    ("SolarTemperature", 5778.0, 0.0),
];

const ANGLE: &[Unit] = &[
    unit("Arcminute", PI / (60.0 * 180.0)),
    unit("Arcsecond", PI / (3600.0 * 180.0)),
    unit("Centiradian", 1e-2),
    unit("Deciradian", 1e-1),
    unit("Degree", PI / 180.0),
    unit("Gradian", PI / 200.0),
    unit("Microdegree", 1e-6 * PI / 180.0),
    unit("Microradian", 1e-6),
    unit("Millidegree", 1e-3 * PI / 180.0),
    unit("Milliradian", 1e-3),
    unit("Nanodegree", 1e-9 * PI / 180.0),
    unit("Nanoradian", 1e-9),
    unit("NatoMil", PI / 3200.0),
    unit("Radian", 1.0),
    unit("Revolution", 2.0 * PI),
    unit("Tilt", 1.0),
];

const ENERGY: &[Unit] = &[
    unit("BritishThermalUnit", 1055.05585262),
    unit("Calorie", 4.184),
    unit("DecathermEc", 10.0 * 1.05505585262e8),
    unit("DecathermImperial", 10.0 * 1.05505585257348e8),
    unit("DecathermUs", 10.0 * 1.054804e8),
    unit("ElectronVolt", 1.602176634e-19),
    unit("Erg", 1e-7),
    unit("FootPound", 1.3558179483314004),
    unit("GigabritishThermalUnit", 1e9 * 1055.05585262),
    unit("GigaelectronVolt", 1e9 * 1.602176634e-19),
    unit("Gigajoule", 1e9),
    unit("GigawattDay", 1e9 * 24.0 * 3600.0),
    unit("GigawattHour", 1e9 * 3600.0),
    unit("HorsepowerHour", 2.6845195377e6),
    unit("Joule", 1.0),
    unit("KilobritishThermalUnit", 1e3 * 1055.05585262),
    unit("Kilocalorie", 1e3 * 4.184),
    unit("KiloelectronVolt", 1e3 * 1.602176634e-19),
    unit("Kilojoule", 1e3),
    unit("KilowattDay", 1e3 * 24.0 * 3600.0),
    unit("KilowattHour", 1e3 * 3600.0),
    unit("MegabritishThermalUnit", 1e6 * 1055.05585262),
    unit("Megacalorie", 1e6 * 4.184),
    unit("MegaelectronVolt", 1e6 * 1.602176634e-19),
    unit("Megajoule", 1e6),
    unit("MegawattDay", 1e6 * 24.0 * 3600.0),
    unit("MegawattHour", 1e6 * 3600.0),
    unit("Millijoule", 1e-3),
    unit("TeraelectronVolt", 1e12 * 1.602176634e-19),
    unit("TerawattDay", 1e12 * 24.0 * 3600.0),
    unit("TerawattHour", 1e12 * 3600.0),
    unit("ThermEc", 1.05505585262e8),
    unit("ThermImperial", 1.05505585257348e8),
    unit("ThermUs", 1.054804e8),
    unit("WattDay", 24.0 * 3600.0),
    unit("WattHour", 3600.0),
];

const FORCE: &[Unit] = &[
    unit("Decanewton", 10.0),
    unit("Dyn", 1.0 / 1e5),
    unit("KilogramForce", 9.80665),
    unit("Kilonewton", 1e3),
    unit("KiloPond", 9.80665),
    unit("KilopoundForce", 1e3 * 4.4482216152605),
    unit("Meganewton", 1e6),
    unit("Micronewton", 1e-6),
    unit("Millinewton", 1e-3),
    unit("Newton", 1.0),
    unit("OunceForce", 4.4482216152605 / 16.0),
    unit("Poundal", 0.138254954376),
    unit("PoundForce", 4.4482216152605),
    unit("ShortTonForce", 4.4482216152605 * 2000.0),
    unit("TonneForce", 9.80665 * 1000.0),
];

const LENGTH: &[Unit] = &[
    unit("Angstrom", 1e-10),
    unit("AstronomicalUnit", 1.4959787070e11),
    unit("Centimeter", 1e-2),
    unit("Chain", 20.1168),
    unit("DataMile", 1828.8),
    unit("Decameter", 10.0),
    unit("Decimeter", 1e-1),
    unit("DtpPica", 2.54e-2 / 6.0),
    unit("DtpPoint", 2.54e-2 / 72.0),
    unit("Fathom", 1.8288),
    unit("Foot", 0.3048),
    unit("Hand", 1.016e-1),
    unit("Hectometer", 100.0),
    unit("Inch", 2.54e-2),
    unit("KilolightYear", 1e3 * 9.46073047258e15),
    unit("Kilometer", 1e3),
    unit("Kiloparsec", 1e3 * 3.08567758128e16),
    unit("LightYear", 9.46073047258e15),
    unit("MegalightYear", 1e6 * 9.46073047258e15),
    unit("Megaparsec", 1e6 * 3.08567758128e16),
    unit("Meter", 1.0),
    unit("Microinch", 2.54e-8),
    unit("Micrometer", 1e-6),
    unit("Mil", 2.54e-5),
    unit("Mile", 1609.344),
    unit("Millimeter", 1e-3),
    unit("Nanometer", 1e-9),
    unit("NauticalMile", 1852.0),
    unit("Parsec", 3.08567758128e16),
    unit("PrinterPica", 2.54e-2 * 400.0 / 2409.0),
    unit("PrinterPoint", 2.54e-2 / 72.27),
    unit("Shackle", 27.432),
    unit("SolarRadius", 6.95700e8),
    unit("Twip", 2.54e-2 / 1440.0),
    unit("UsSurveyFoot", 1200.0 / 3937.0),
    unit("Yard", 0.9144),
];

const MASS: &[Unit] = &[
    unit("Centigram", 1e-2 / 1e3),
    unit("Decagram", 10.0 / 1e3),
    unit("Decigram", 1e-1 / 1e3),
    unit("EarthMass", 5.9722e24),
    unit("Grain", 64.79891e-6),
    unit("Gram", 1e-3),
    unit("Hectogram", 100.0 / 1e3),
    unit("Kilogram", 1.0),
    unit("Kilopound", 1e3 * 0.45359237),
    unit("Kilotonne", 1e3 * 1e3),
    unit("LongHundredweight", 50.80234544),
    unit("LongTon", 1016.0469088),
    unit("Megapound", 1e6 * 0.45359237),
    unit("Megatonne", 1e6 * 1e3),
    unit("Microgram", 1e-6 / 1e3),
    unit("Milligram", 1e-3 / 1e3),
    unit("Nanogram", 1e-9 / 1e3),
    unit("Ounce", 0.028349523125),
    unit("Pound", 0.45359237),
    unit("ShortHundredweight", 45.359237),
    unit("ShortTon", 907.18474),
    unit("Slug", 0.45359237 * 9.80665 / 0.3048),
    unit("SolarMass", 1.98947e30),
    unit("Stone", 6.35029318),
    unit("Tonne", 1e3),
];

const SPEED: &[Unit] = &[
    unit("CentimeterPerHour", 1e-2 / 3600.0),
    unit("CentimeterPerMinute", 1e-2 / 60.0),
    unit("CentimeterPerSecond", 1e-2),
    unit("DecimeterPerMinute", 1e-1 / 60.0),
    unit("DecimeterPerSecond", 1e-1),
    unit("FootPerHour", 0.3048 / 3600.0),
    unit("FootPerMinute", 0.3048 / 60.0),
    unit("FootPerSecond", 0.3048),
    unit("InchPerHour", (1.0 / 3600.0) * 2.54e-2),
    unit("InchPerMinute", (1.0 / 60.0) * 2.54e-2),
    unit("InchPerSecond", 2.54e-2),
    unit("KilometerPerHour", 1e3 / 3600.0),
    unit("KilometerPerMinute", 1e3 / 60.0),
    unit("KilometerPerSecond", 1e3),
    unit("Knot", 1852.0 / 3600.0),
    unit("MeterPerHour", 1.0 / 3600.0),
    unit("MeterPerMinute", 1.0 / 60.0),
    unit("MeterPerSecond", 1.0),
    unit("MicrometerPerMinute", 1e-6 / 60.0),
    unit("MicrometerPerSecond", 1e-6),
    unit("MilePerHour", 0.44704),
    unit("MillimeterPerHour", 1e-3 / 3600.0),
    unit("MillimeterPerMinute", 1e-3 / 60.0),
    unit("MillimeterPerSecond", 1e-3),
    unit("NanometerPerMinute", 1e-9 / 60.0),
    unit("NanometerPerSecond", 1e-9),
    unit("UsSurveyFootPerHour", 1200.0 / 3937.0 / 3600.0),
    unit("UsSurveyFootPerMinute", 1200.0 / 3937.0 / 60.0),
    unit("UsSurveyFootPerSecond", 1200.0 / 3937.0),
    unit("YardPerHour", 0.9144 / 3600.0),
    unit("YardPerMinute", 0.9144 / 60.0),
    unit("YardPerSecond", 0.9144),
];

const VOLUME: &[Unit] = &[
    unit("AcreFoot", 1.0 / 0.000810714),
    unit("AuTablespoon", 2e-5),
    unit("BoardFoot", 0.028316846592 / 12.0),
    unit("Centiliter", 1e-2 / 1e3),
    unit("CubicCentimeter", 1.0 / 1e6),
    unit("CubicDecimeter", 1e-3),
    unit("CubicFoot", 0.028316846592),
    unit("CubicHectometer", 1e6),
    unit("CubicInch", 1.6387064e-5),
    unit("CubicKilometer", 1e9),
    unit("CubicMeter", 1.0),
    unit("CubicMicrometer", 1.0 / 1e18),
    unit("CubicMile", 4.168_181_825_440_58e9),
    unit("CubicMillimeter", 1.0 / 1e9),
    unit("CubicYard", 0.764554857984),
    unit("Decaliter", 10.0 / 1e3),
    unit("DecausGallon", 10.0 * 0.003785411784),
    unit("Deciliter", 1e-1 / 1e3),
    unit("DeciusGallon", 1e-1 * 0.003785411784),
    unit("HectocubicFoot", 100.0 * 0.028316846592),
    unit("HectocubicMeter", 100.0),
    unit("Hectoliter", 100.0 / 1e3),
    unit("HectousGallon", 100.0 * 0.003785411784),
    unit("ImperialBeerBarrel", 0.16365924),
    unit("ImperialGallon", 0.00454609),
    unit("ImperialOunce", 2.84130625e-5),
    unit("ImperialPint", 5.6826125e-4),
    unit("KilocubicFoot", 1e3 * 0.028316846592),
    unit("KilocubicMeter", 1e3),
    unit("KiloimperialGallon", 1e3 * 0.00454609),
    unit("Kiloliter", 1.0),
    unit("KilousGallon", 1e3 * 0.003785411784),
    unit("Liter", 1e-3),
    unit("MegacubicFoot", 1e6 * 0.028316846592),
    unit("MegaimperialGallon", 1e6 * 0.00454609),
    unit("Megaliter", 1e6 / 1e3),
    unit("MegausGallon", 1e6 * 0.003785411784),
    unit("MetricCup", 0.00025),
    unit("MetricTeaspoon", 0.5e-5),
    unit("Microliter", 1e-6 / 1e3),
    unit("Milliliter", 1e-3 / 1e3),
    unit("OilBarrel", 0.158987294928),
    unit("UkTablespoon", 1.5e-5),
    unit("UsBeerBarrel", 0.117347765304),
    unit("UsCustomaryCup", 0.0002365882365),
    unit("UsGallon", 0.003785411784),
    unit("UsLegalCup", 0.00024),
    unit("UsOunce", 2.95735295625e-5),
    unit("UsPint", 4.73176473e-4),
    unit("UsQuart", 9.46352946e-4),
    unit("UsTablespoon", 1.478676478125e-5),
    unit("UsTeaspoon", 4.92892159375e-6),
];

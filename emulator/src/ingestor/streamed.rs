//! Streaming ingestion: data that is loaded while its sender waits, within limits of its own.

use serde_json::{Map, Value as Json};
use uuid::Uuid;

use super::compression::has_more_members;
use super::direct::address;
use super::failure::{ErrorCode, Failure};
use super::fields::Fields;
use super::formats::DataFormat;
use super::loader::{Content, Loader, Source, no_mapping};
use super::message::{Envelope, ReportLevel, ReportMethod, without_credentials};
use super::properties::{MappingChoice, Properties};
use crate::engine::sources::{StreamData, StreamRequest, Streamed};

/// The most that one request may take in the row store.
const MAX_ROW_STORE_BYTES: u64 = 4 << 20;

/// Loads the data of a request. Mappings made after `known_until`, in ticks, are not known.
pub(super) async fn load(
    loader: &Loader,
    request: StreamRequest,
    known_until: i64,
) -> Result<Streamed, Failure> {
    let properties = properties(&request)?;
    check_mapping(loader, &request, &properties, known_until)?;
    let limit = most_bytes(properties.format);
    let (location, content) = match request.data {
        StreamData::Body { bytes, is_gzip } => {
            if !is_gzip && bytes.len() as u64 > limit {
                return Err(too_large());
            }
            if is_gzip && has_more_members(&bytes, limit) {
                return Err(several_members());
            }
            let name = if is_gzip { "stream.gz" } else { "stream" };
            (String::new(), Content::Here { name, bytes })
        }
        StreamData::Blob(location) => {
            let url = address(&location)?;
            let shown = without_credentials(&location).to_owned();
            (shown, Content::Blob(url))
        }
    };
    let envelope = Envelope {
        id: Uuid::new_v4(),
        database: request.database,
        table: request.table,
        source_path: location,
        level: ReportLevel::None,
        method: ReportMethod::Queue,
        status_row: None,
    };
    let source = Source {
        properties: &properties,
        content,
        limit,
    };
    let loaded = loader.load_source(&envelope, source).await;
    let loaded = loaded.map_err(as_streamed)?;
    Ok(Streamed {
        rows: loaded.rows as u64,
        bytes: loaded.bytes as u64,
    })
}

/// Whether streaming knows the mapping that the request names, if it names one.
fn check_mapping(
    loader: &Loader,
    request: &StreamRequest,
    properties: &Properties,
    known_until: i64,
) -> Result<(), Failure> {
    let MappingChoice::Reference(name) = &properties.mapping else {
        return Ok(());
    };
    let kind = properties.format.mapping_kind();
    let is_known = loader.engine.has_cached_mapping(
        &request.database,
        &request.table,
        (kind.name(), name),
        known_until,
    );
    match is_known {
        true => Ok(()),
        false => Err(no_mapping(name, kind)),
    }
}

/// What a request can say of its data; all else is as if it were not said.
fn properties(request: &StreamRequest) -> Result<Properties, Failure> {
    let mut bag = Map::new();
    bag.insert("format".to_owned(), Json::from(request.format.as_str()));
    if let Some(mapping) = &request.mapping {
        let mapping = Json::from(mapping.as_str());
        bag.insert("ingestionMappingReference".to_owned(), mapping);
    }
    // A body is what its header says, whatever its first bytes look like.
    let is_plain = matches!(request.data, StreamData::Body { is_gzip: false, .. });
    bag.insert("TreatGzAsUncompressed".to_owned(), Json::from(is_plain));
    Properties::read(&Fields::new(&bag), "", None)
}

/// How many uncompressed bytes of a format fill the row store's share of a request. The service gives no rule; these are
/// the factors by which the official Java client estimates it.
fn most_bytes(format: DataFormat) -> u64 {
    let percent = match format {
        DataFormat::Csv
        | DataFormat::Tsv
        | DataFormat::Tsve
        | DataFormat::Psv
        | DataFormat::Scsv
        | DataFormat::Sohsv => 45,
        DataFormat::Json | DataFormat::SingleJson => 33,
        DataFormat::Txt => 15,
        DataFormat::MultiJson | DataFormat::Raw => 100,
    };
    MAX_ROW_STORE_BYTES * 100 / percent
}

/// The failures of a source in the words of streaming.
fn as_streamed(failure: Failure) -> Failure {
    match failure.code {
        ErrorCode::FileTooLarge => too_large(),
        ErrorCode::EmptyBlob => Failure::new(
            ErrorCode::NoDataToIngest,
            "The input stream is empty after processing, tip:check stream validity",
        ),
        _ => failure,
    }
}

fn too_large() -> Failure {
    Failure::new(
        ErrorCode::InputStreamTooLarge,
        "The input stream is too large: streaming ingestion takes up to 4 MB of rows in one request.",
    )
}

/// What is documented of a body is one gzip stream. What the service makes of the rest is not: it may ingest the first
/// member alone, and answer that all is well. Nobody should find that out by missing rows.
fn several_members() -> Failure {
    Failure::new(
        ErrorCode::InvalidBlob,
        "The request's body is gzip with something behind its first member; one member is what is documented.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_goes_by_the_format() {
        assert_eq!(most_bytes(DataFormat::MultiJson), 4 << 20);
        assert_eq!(most_bytes(DataFormat::Csv), 9_320_675);
        assert_eq!(most_bytes(DataFormat::Json), 12_710_012);
    }
}

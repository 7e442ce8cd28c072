// The StormEvents tutorial: a blob with a header row into a table of 22 columns.
//
// storm_events BLOB_URL RAW_SIZE; KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in quickstart.
#include <kusto_ingest.hpp>

#include <cstdlib>
#include <iostream>

using namespace std::chrono_literals;

constexpr std::chrono::minutes LIMIT{5};

// Name, type and position in the file; position 15 is not in the table.
struct column {
    const char *name, *type;
    int ordinal;
};
constexpr column columns[] = {
    {"StartTime", "datetime", 0},         {"EndTime", "datetime", 1},        {"EpisodeId", "int", 2},
    {"EventId", "int", 3},                {"State", "string", 4},            {"EventType", "string", 5},
    {"InjuriesDirect", "int", 6},         {"InjuriesIndirect", "int", 7},    {"DeathsDirect", "int", 8},
    {"DeathsIndirect", "int", 9},         {"DamageProperty", "int", 10},     {"DamageCrops", "int", 11},
    {"Source", "string", 12},             {"BeginLocation", "string", 13},   {"EndLocation", "string", 14},
    {"BeginLat", "real", 16},             {"BeginLon", "real", 17},          {"EndLat", "real", 18},
    {"EndLon", "real", 19},               {"EpisodeNarrative", "string", 20}, {"EventNarrative", "string", 21},
    {"StormSummary", "dynamic", 22},
};

// Everything here goes through one client and one database.
struct connection {
    kusto::client client;
    std::string database;
};

static void create_table_and_mapping(const connection &db)
{
    std::string table, mapping;
    for (const auto &[name, type, ordinal] : columns) {
        const char *comma = table.empty() ? "" : ",";
        table += std::string(comma) + name + ":" + type;
        // The legacy shape, as in the tutorial.
        mapping += std::string(comma) + R"({"Name":")" + name + R"(","datatype":")" + type + R"(","Ordinal":")" +
                   std::to_string(ordinal) + "\"}";
    }
    db.client.execute(db.database, ".create table StormEvents (" + table + ")", LIMIT);
    db.client.execute(db.database,
                         ".create-or-alter table StormEvents ingestion csv mapping 'StormEvents_CSV_Mapping' '[" +
                             mapping + "]'",
                         LIMIT);
}

// Queues the blob and waits until the service is done with it; true if it was ingested.
static bool ingest_blob(const connection &db, std::string_view url, std::uint64_t raw_size)
{
    const auto started = std::chrono::steady_clock::now();
    kusto::props props(db.database, "StormEvents");
    props.set_format(kusto::data_format::csv)
        .set_mapping_ref("StormEvents_CSV_Mapping")
        .set("ignoreFirstRecord", "true")
        .set_reporting(kusto::report_level::failures_and_successes, kusto::report_method::table);

    kusto::source source = kusto::source::blobs();
    source.add_blob(url, raw_size);
    const kusto::receipt receipt = db.client.ingest(props, std::move(source), LIMIT);
    std::cout << "queued " << receipt.item_blob(0) << " as " << receipt.source_id() << '\n';

    const kusto::report report = db.client.track_until_final(receipt.tracking_token(), 250ms, LIMIT);
    if (report.count(kusto::item_state::succeeded) != 1) {
        std::cerr << "not ingested: " << report.json() << '\n';
        return false;
    }
    const auto took = std::chrono::steady_clock::now() - started;
    std::cout << "Succeeded after " << std::chrono::duration_cast<std::chrono::seconds>(took).count() << " s\n";
    return true;
}

static void show(const connection &db, const char *title, const std::string &text)
{
    kusto::rows rows = db.client.execute(db.database, text, LIMIT);
    std::cout << "> " << title << "\n  " << rows.size() << " row(s)\n";
    while (rows.next()) {
        for (std::size_t column = 0; column < rows.columns(); column++)
            std::cout << "  " << rows.text(column).value_or("null");
        std::cout << '\n';
    }
}

static void troubleshoot(const connection &db)
{
    const std::string ours = "Database == \"" + db.database + "\" and Table == \"StormEvents\"";
    show(db, ".show ingestion failures", ".show ingestion failures | where FailedOn > ago(4h) and " + ours);
    show(db, ".show operations",
         ".show operations | where StartedOn > ago(4h) and " + ours +
             " and Operation == \"DataIngestPull\" | summarize arg_max(LastUpdatedOn, *) by OperationId | "
             "project Operation, State");
}

int main(int argc, char **argv)
try {
    const char *connection_string = std::getenv("KUSTO_CONNECTION_STRING"), *database = std::getenv("KUSTO_DATABASE");
    if (argc != 3 || connection_string == nullptr || database == nullptr) {
        std::cerr << "usage: storm_events BLOB_URL RAW_SIZE\n"
                     "with KUSTO_CONNECTION_STRING and KUSTO_DATABASE set\n";
        return EXIT_FAILURE;
    }
    const connection db{kusto::client(kusto::config(connection_string)), database};

    create_table_and_mapping(db);
    const bool succeeded = ingest_blob(db, argv[1], std::strtoull(argv[2], nullptr, 10));
    show(db, "StormEvents | count", "StormEvents | count");
    troubleshoot(db);
    db.client.execute(db.database, ".drop table StormEvents ifexists", LIMIT);
    return succeeded ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const kusto::error &error) {
    std::cerr << kusto::name_of(error.code()) << ": " << error.what() << '\n';
    return EXIT_FAILURE;
}

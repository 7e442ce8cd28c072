// The Kusto.Ingest tutorial: a table, a JSON mapping, ten lines from memory, and their outcome.
//
// KUSTO_CONNECTION_STRING names the cluster, KUSTO_DATABASE the database. `--login interactive` logs in by the browser,
// `--login device` by a code, `--login NAME` as the keyword `Login` has it; else the connection string says how.
//
//   c++ -std=c++17 quickstart.cpp $(pkg-config --cflags --libs kusto_ingest) -Wl,-rpath,DIR/lib -o quickstart
//
// with PKG_CONFIG_PATH=DIR/lib/pkgconfig, where DIR is what the library was installed below.
#include <kusto_ingest.hpp>

#include <cstdlib>
#include <iostream>
#include <thread>

using namespace std::chrono_literals;

// Everything here goes through one client and one database.
struct connection {
    kusto::client client;
    std::string database;
};

static void create_table_and_mapping(const connection &db)
{
    kusto::command table = kusto::command::create_table("Table1");
    table.add_column("Column1", "System.Int64")
        .add_column("Column2", "System.DateTime")
        .add_column("Column3", "System.String");
    db.client.execute(db.database, table.text(), 1min);

    const auto mapping = kusto::command::create_mapping("Table1", kusto::data_format::json, "Table1_mapping",
                                                        R"([{"Column":"Column1","Properties":{"Path":"$.Id"}},
                                                            {"Column":"Column2","Properties":{"Path":"$.Timestamp"}},
                                                            {"Column":"Column3","Properties":{"Path":"$.Message"}}])",
                                                        true);
    db.client.execute(db.database, mapping.text(), 1min);
}

// Hands the lines over; the receipt has the id under which their outcome is reported.
static kusto::receipt ingest_ten_lines(const connection &db)
{
    std::string lines;
    for (int n = 0; n < 10; n++) {
        const std::string number = std::to_string(n);
        lines += R"({"Id":)" + number + R"(,"Timestamp":"2026-01-01T00:00:0)" + number +
                 R"(Z","Message":"This is a test message )" + number + "\"}\n";
    }
    kusto::props props(db.database, "Table1");
    props.set_format(kusto::data_format::json)
        .set_mapping_ref("Table1_mapping")
        .set_reporting(kusto::report_level::failures_and_successes, kusto::report_method::queue);
    kusto::receipt receipt = db.client.ingest(props, lines, 1min);
    std::cout << "queued " << receipt.bytes_raw() << " bytes as " << receipt.source_id() << '\n';
    return receipt;
}

// Takes our own notifications out of one of the queues and prints them; returns how many there were.
static std::size_t print_outcomes(const connection &db, kusto::outcome which, const char *label,
                                  const kusto::receipt &receipt)
{
    const kusto::report report = db.client.take_outcomes(which, receipt.tracking_token(), 32, 1min);
    for (std::size_t i = 0; i < report.size(); i++)
        std::cout << label << ": " << report[i].source_path() << ' ' << report[i].details() << '\n';
    return report.size();
}

// Waits for the service to report; true if it reports success.
static bool wait_for_outcome(const connection &db, const kusto::receipt &receipt)
{
    const auto deadline = std::chrono::steady_clock::now() + 1min;
    do {
        if (print_outcomes(db, kusto::outcome::failures, "Failed", receipt) > 0)
            return false;
        if (print_outcomes(db, kusto::outcome::successes, "Succeeded", receipt) > 0)
            return true;
        std::this_thread::sleep_for(250ms);
    } while (std::chrono::steady_clock::now() < deadline);
    std::cerr << "the service reported nothing within a minute\n";
    return false;
}

static void print_rows(const connection &db, std::string_view query)
{
    kusto::rows rows = db.client.execute(db.database, query, 1min);
    while (rows.next()) {
        for (std::size_t column = 0; column < rows.columns(); column++)
            std::cout << "  " << rows.text(column).value_or("null");
        std::cout << '\n';
    }
}

static kusto::config logging_in(const char *connection_string, std::string_view login)
{
    kusto::config config(connection_string);
    if (login == "interactive")
        config.set_credential(kusto::credential::interactive());
    else if (login == "device")
        config.set_credential(kusto::credential::device_code(
            {}, [](const kusto::prompt &asked) { std::cerr << asked.message << '\n'; }));
    else if (!login.empty())
        config.set("Login", login);
    return config;
}

int main(int argc, char **argv)
try {
    const char *connection_string = std::getenv("KUSTO_CONNECTION_STRING"), *database = std::getenv("KUSTO_DATABASE");
    if (connection_string == nullptr || database == nullptr) {
        std::cerr << "set KUSTO_CONNECTION_STRING and KUSTO_DATABASE\n";
        return EXIT_FAILURE;
    }
    const std::string_view login = argc == 3 && std::string_view(argv[1]) == "--login" ? argv[2] : "";
    const connection db{kusto::client(logging_in(connection_string, login)), database};

    create_table_and_mapping(db);
    const kusto::receipt receipt = ingest_ten_lines(db);
    const bool succeeded = wait_for_outcome(db, receipt);
    print_rows(db, "Table1 | order by Column1 asc");
    return succeeded ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const kusto::error &error) {
    std::cerr << kusto::name_of(error.code()) << ": " << error.what() << '\n';
    return EXIT_FAILURE;
}

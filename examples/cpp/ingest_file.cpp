// Any file into a table, with progress, a deadline and Ctrl-C.
//
// ingest_file TABLE FILE [FORMAT]; KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in quickstart.
#include <kusto_ingest.hpp>

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <unistd.h>

using namespace std::chrono_literals;

constexpr std::chrono::minutes DEADLINE{10};

static volatile std::sig_atomic_t interrupted;

extern "C" void interrupt(int) { interrupted = 1; }

// Called on a thread of the library, one call at a time. Off a terminal it writes few lines.
static void show_progress(const kusto::progress &now)
{
    static std::uint64_t shown;
    const bool on_terminal = isatty(STDERR_FILENO);
    if (!on_terminal && now.read - shown < now.total / 4 && now.sent == 0)
        return;
    shown = now.read;
    std::cerr << (on_terminal ? "\r" : "") << "read " << now.read << " of " << now.total << " bytes, sent " << now.sent
              << (on_terminal ? "" : "\n");
}

// Waits for the transfer, a moment at a time, so that Ctrl-C is seen.
static kusto::receipt wait_for(const kusto::operation<kusto::receipt> &operation)
{
    while (!operation.wait(100ms))
        if (interrupted)
            operation.cancel();
    if (isatty(STDERR_FILENO))
        std::cerr << '\n';
    return operation.get();
}

// Waits for the final status of the data; true if it was ingested.
static bool is_ingested(const kusto::client &client, const kusto::receipt &receipt)
{
    const kusto::report report = client.track_until_final(receipt.tracking_token(), 250ms, DEADLINE);
    const bool succeeded = report.count(kusto::item_state::succeeded) == 1;
    const std::string_view details = report[0].details();
    if (succeeded)
        std::cout << "Succeeded\n";
    else
        std::cout << "not ingested: " << (details.empty() ? report.json() : details) << '\n';
    return succeeded;
}

int main(int argc, char **argv)
try {
    const char *connection_string = std::getenv("KUSTO_CONNECTION_STRING"), *database = std::getenv("KUSTO_DATABASE");
    if (argc < 3 || argc > 4 || connection_string == nullptr || database == nullptr) {
        std::cerr << "usage: ingest_file TABLE FILE [FORMAT]\n"
                     "with KUSTO_CONNECTION_STRING and KUSTO_DATABASE set\n";
        return EXIT_FAILURE;
    }
    std::signal(SIGINT, interrupt);

    const kusto::client client(kusto::config{connection_string});
    kusto::props props(database, argv[1]);
    props.set_reporting(kusto::report_level::failures_and_successes, kusto::report_method::table);
    if (argc == 4)
        props.set("format", argv[3]);

    kusto::source source = kusto::source::file(argv[2]);
    source.set_progress(show_progress);
    const kusto::receipt receipt = wait_for(client.start_ingest(props, std::move(source), DEADLINE));
    // Queued data cannot be cancelled: from here on Ctrl-C only ends the program.
    std::signal(SIGINT, SIG_DFL);
    std::cout << "queued " << receipt.bytes_raw() << " bytes (" << receipt.bytes_sent() << " sent) as "
              << receipt.source_id() << '\n';
    return is_ingested(client, receipt) ? EXIT_SUCCESS : EXIT_FAILURE;
} catch (const kusto::error &error) {
    std::cerr << kusto::name_of(error.code()) << ": " << error.what() << '\n';
    return EXIT_FAILURE;
}

// Ships the lines that programs append to a file: each whole line once, whatever fails meanwhile.
//
// agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]
//
// KUSTO_CONNECTION_STRING names the cluster; FILE.position says what is done: see examples/README.md.
#include <kusto_ingest.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <thread>

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
namespace fs = std::filesystem;

enum status { done = 0, failed = 1, wrong_table = 2, left = 3 };

static volatile std::sig_atomic_t stopping;
extern "C" void stop(int) { stopping = 1; }

struct agent {
    const kusto::client &client;
    fs::path file;
    std::string database, table;
    std::uintmax_t batch_bytes;
    std::chrono::seconds batch_time, drain_time;

    // Everything before `start` is done; [start, end) is being sent.
    std::uintmax_t start = 0, end = 0;
    std::uintmax_t lines = 0, batches = 0;
    std::optional<clock_type::time_point> deadline = std::nullopt;

    // Whether the time for the rest is over; it begins when a signal asks for the end.
    bool is_over()
    {
        if (stopping && !deadline)
            deadline = clock_type::now() + drain_time;
        return deadline && clock_type::now() >= *deadline;
    }

    void pause_for(std::chrono::milliseconds time)
    {
        const auto until = clock_type::now() + time;
        while (clock_type::now() < until && !is_over())
            std::this_thread::sleep_for(20ms);
    }

    fs::path position() const { return file.string() + ".position"; }

    // Without a position file nothing is done yet.
    void load_position()
    {
        if (!fs::exists(position()))
            return;
        std::ifstream in(position());
        if (!(in >> start >> end) || end < start)
            throw std::runtime_error(position().string() + " is not a position");
    }

    // A new file replaces the old one: a crash leaves one of the two.
    void save_position() const
    {
        const fs::path fresh = position().string() + ".new";
        std::ofstream out(fresh);
        if (!(out << start << ' ' << end << std::endl))
            throw std::runtime_error("cannot write " + fresh.string());
        out.close();
        fs::rename(fresh, position());
    }

    // Whole lines from `start` on. A line longer than a batch is a batch.
    std::string read_lines(std::uintmax_t size, std::uintmax_t limit) const
    {
        std::string text(std::min(size, limit), '\0');
        std::ifstream in(file, std::ios::binary);
        if (!in.seekg(static_cast<std::streamoff>(start)) || !in.read(text.data(), static_cast<std::streamsize>(text.size())))
            throw std::runtime_error("cannot read " + file.string());
        text.resize(text.rfind('\n') + 1);
        return text.empty() && limit < size ? read_lines(size, 2 * limit) : text;
    }

    // The properties of [start, end). By the key the service recognises what it has already.
    kusto::props described() const
    {
        const std::string key = file.filename().string() + ":" + std::to_string(start) + "-" + std::to_string(end);
        return kusto::props(database, table).set_format(kusto::data_format::csv).once(key);
    }

    // One attempt. At the end of the time for the rest it is cancelled.
    kusto::result<kusto::receipt> attempt(const std::string &text)
    {
        const auto operation = client.start_ingest(described(), kusto::source::bytes(text), 2min);
        while (!operation.wait(100ms))
            if (is_over())
                operation.cancel();
        return operation.try_get();
    }

    // Sends a batch until it is handed over; false when the time for the rest was over before.
    bool ship(const std::string &text)
    {
        std::chrono::milliseconds wait = 500ms;
        end = start + text.size();
        save_position();
        for (auto sent = attempt(text); !sent; sent = attempt(text)) {
            const kusto::error &why = sent.failure();
            std::cerr << "agent: " << why.what() << '\n';
            if (why.retry() != kusto::retry_class::later && !why.in_doubt() && !is_over())
                throw why;
            pause_for(std::max(wait, why.retry_after().value_or(0ms)));
            if (is_over())
                return false;
            wait = std::min<std::chrono::milliseconds>(wait * 2, 30s);
        }
        lines += static_cast<std::uintmax_t>(std::count(text.begin(), text.end(), '\n'));
        batches++;
        start = end;
        save_position();
        return true;
    }

    // Ships what is due until a signal comes, then the rest; whether all of it was handed over.
    bool follow()
    {
        // The range of the last run is sent again as it was, with its key.
        if (end > start && !ship(read_lines(end - start, end - start)))
            return false;
        auto since = clock_type::now();
        while (!is_over()) {
            const bool last = stopping;
            const std::uintmax_t size = fs::file_size(file) - start;
            if (size == 0)
                since = clock_type::now();
            if (last || size >= batch_bytes || clock_type::now() - since >= batch_time) {
                const std::string text = size > 0 ? read_lines(size, batch_bytes) : "";
                if (text.empty() && last)
                    return true;
                if (!text.empty() && !ship(text))
                    return false;
                since = clock_type::now();
            } else {
                pause_for(50ms);
            }
        }
        return false;
    }
};

// The options by their names; what is not named is the file.
static std::map<std::string, std::string> options(int argc, char **argv)
{
    std::map<std::string, std::string> found{
        {"--batch-bytes", "1048576"}, {"--batch-seconds", "5"}, {"--drain-seconds", "10"}};
    for (int i = 1; i < argc; i++) {
        const std::string name = argv[i];
        if (name.rfind("--", 0) != 0)
            found["FILE"] = name;
        else if (i + 1 < argc)
            found[name] = argv[++i];
    }
    return found;
}

int main(int argc, char **argv)
try {
    auto given = options(argc, argv);
    if (given["FILE"].empty()) {
        std::cerr << "usage: agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]\n"
                     "with KUSTO_CONNECTION_STRING set\n";
        return failed;
    }
    std::signal(SIGTERM, stop);
    std::signal(SIGINT, stop);

    const kusto::client client(kusto::config{std::getenv("KUSTO_CONNECTION_STRING")});
    agent it{client, given["FILE"], given["--database"], given["--table"], std::stoull(given["--batch-bytes"]),
             std::chrono::seconds(std::stoll(given["--batch-seconds"])),
             std::chrono::seconds(std::stoll(given["--drain-seconds"]))};
    it.load_position();
    if (const auto checked = client.try_warm_up(it.described(), 1min); !checked) {
        std::cerr << "agent: " << checked.failure().what() << '\n';
        return wrong_table;
    }
    const bool all = it.follow();
    std::cout << it.lines << " lines in " << it.batches << " batches\n";
    return all ? done : left;
} catch (const std::exception &thrown) {
    std::cerr << "agent: " << thrown.what() << '\n';
    return failed;
}

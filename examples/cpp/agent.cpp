// Ships the lines that programs append to a file: each whole line is handed over once, whatever fails.
//
// agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]
//
// KUSTO_CONNECTION_STRING names the cluster; FILE.position says what is done: see examples/README.md.
#include <kusto_ingest.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <random>
#include <sstream>
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

    // Random, made once: another file's keys, here or on another machine, are never the same.
    std::string id = "";
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
        std::ifstream in(position());
        if (!in && !fs::exists(position()))
            id = random_id();
        else if (!(in >> id >> start >> end) || end < start)
            throw std::runtime_error(position().string() + " is not ID START END");
    }

    static std::string random_id()
    {
        std::random_device random;
        std::ostringstream text;
        text << std::hex << std::setfill('0');
        for (int i = 0; i < 4; i++)
            text << std::setw(8) << random();
        return text.str();
    }

    // A new file replaces the old one: a crash leaves one of the two. Both it and its name are on the disk at the end.
    void save_position() const
    {
        const std::string fresh = position().string() + ".new";
        const std::string text = id + ' ' + std::to_string(start) + ' ' + std::to_string(end) + '\n';
        write_and_sync(fresh, O_WRONLY | O_CREAT | O_TRUNC, text);
        fs::rename(fresh, position());
        write_and_sync(fs::absolute(position()).parent_path(), O_RDONLY, "");
    }

    // A std::ofstream cannot ask for what was written to be on the disk.
    static void write_and_sync(const std::string &path, int flags, const std::string &text)
    {
        const int file = ::open(path.c_str(), flags, 0644);
        const bool wrote = text.empty() || ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
        if (file < 0 || !wrote || ::fsync(file) != 0 || ::close(file) != 0)
            throw std::system_error(errno, std::generic_category(), path);
    }

    std::runtime_error shorter() const
    {
        return std::runtime_error(file.string() + " is shorter than its position: was it truncated or rotated?");
    }

    // How many bytes there are after `start`.
    std::uintmax_t waiting() const
    {
        const std::uintmax_t size = fs::file_size(file);
        if (size < start)
            throw shorter();
        return size - start;
    }

    std::string read(std::uintmax_t size) const
    {
        std::string text(size, '\0');
        std::ifstream in(file, std::ios::binary);
        if (!in.seekg(static_cast<std::streamoff>(start)) || !in.read(text.data(), static_cast<std::streamsize>(size)))
            throw shorter();
        return text;
    }

    // Whole lines from `start` on. A line longer than a batch is a batch.
    std::string read_lines(std::uintmax_t size, std::uintmax_t limit) const
    {
        std::string text = read(std::min(size, limit));
        text.resize(text.rfind('\n') + 1);
        return text.empty() && limit < size ? read_lines(size, 2 * limit) : text;
    }

    // The properties of [start, end). By the key the service recognises what it has already.
    kusto::props described() const
    {
        const std::string key = id + ":" + std::to_string(start) + "-" + std::to_string(end);
        return kusto::props(database, table).set_format(kusto::data_format::csv).once(key);
    }

    // Repeats an operation until it succeeds; false when the time for the rest was over before. Throws a failure that
    // repeating does not mend.
    template <typename Begin> bool repeat(const Begin &begin)
    {
        for (std::chrono::milliseconds wait = 500ms;; wait = std::min<std::chrono::milliseconds>(wait * 2, 30s)) {
            const auto operation = begin();
            while (!operation.wait(100ms))
                if (is_over())
                    operation.cancel();
            const auto result = operation.try_get();
            if (result)
                return true;
            const kusto::error &why = result.failure();
            if (why.retry() != kusto::retry_class::later && !why.in_doubt() && !is_over())
                throw why;
            std::cerr << "agent: " << why.what() << '\n';
            pause_for(std::max(wait, why.retry_after().value_or(0ms)));
            if (is_over())
                return false;
        }
    }

    bool check_table()
    {
        return repeat([&] { return client.start_warm_up(described(), 1min); });
    }

    // Sends a batch until it is handed over; false when the time for the rest was over before.
    bool ship(const std::string &text)
    {
        end = start + text.size();
        save_position();
        if (!repeat([&] { return client.start_ingest(described(), kusto::source::bytes(text), 2min); }))
            return false;
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
        if (end > start && !ship(read(end - start)))
            return false;
        auto since = clock_type::now();
        while (!is_over()) {
            // Before looking, so that what is in the file when the signal comes is sent.
            const bool last = stopping;
            const std::uintmax_t size = waiting();
            if (size == 0)
                since = clock_type::now();
            const bool due = last || size >= batch_bytes || clock_type::now() - since >= batch_time;
            const std::string text = due && size > 0 ? read_lines(size, batch_bytes) : "";
            if (!text.empty()) {
                if (!ship(text))
                    return false;
                since = clock_type::now();
            } else if (last) {
                return true;
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

// From the check of the table on, the last line is printed whatever the status.
static int run(agent &it)
{
    int status = wrong_table;
    try {
        bool all = it.check_table();
        status = failed;
        all = all && it.follow();
        status = all ? done : left;
    } catch (const std::exception &thrown) {
        std::cerr << "agent: " << thrown.what() << '\n';
    }
    std::cout << it.lines << " lines in " << it.batches << " batches\n";
    return status;
}

int main(int argc, char **argv)
try {
    auto given = options(argc, argv);
    const char *connection = std::getenv("KUSTO_CONNECTION_STRING");
    if (given["FILE"].empty() || given["--database"].empty() || given["--table"].empty() || !connection) {
        std::cerr << "usage: agent FILE --database D --table T [--batch-bytes N] [--batch-seconds S] [--drain-seconds S]\n"
                     "with KUSTO_CONNECTION_STRING set\n";
        return failed;
    }
    std::signal(SIGTERM, stop);
    std::signal(SIGINT, stop);

    const kusto::client client(kusto::config{connection});
    agent it{client, given["FILE"], given["--database"], given["--table"], std::stoull(given["--batch-bytes"]),
             std::chrono::seconds(std::stoll(given["--batch-seconds"])),
             std::chrono::seconds(std::stoll(given["--drain-seconds"]))};
    it.load_position();
    it.waiting();
    return run(it);
} catch (const std::exception &thrown) {
    std::cerr << "agent: " << thrown.what() << '\n';
    return failed;
}

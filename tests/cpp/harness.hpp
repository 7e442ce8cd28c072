// Shared by the C++ tests: checks, counting, and common operations on a service.
//
// A program ends with the line `N passed, N failed, N skipped` and fails when a check did. Tests that
// need a service take its connection string from KUSTO_CONNECTION_STRING and its database from
// KUSTO_DATABASE; without one they are skipped.
#ifndef HARNESS_HPP
#define HARNESS_HPP

#include <kusto_ingest.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <thread>
#include <unistd.h>

namespace harness {

// Long enough for a slow machine under valgrind; no test waits so long unless it fails.
constexpr std::chrono::minutes PATIENCE{2};

inline int passed, failed, skipped;
inline std::atomic<bool> wrong;

inline bool check(bool holds, const char *what, const char *file, int line)
{
    if (!holds) {
        std::fprintf(stderr, "%s:%d: %s\n", file, line, what);
        wrong = true;
    }
    return holds;
}

#define CHECK(...) harness::check(static_cast<bool>(__VA_ARGS__), #__VA_ARGS__, __FILE__, __LINE__)

// The text of a `try_` form's result, for a check that fails.
template <class T> bool gives(const kusto::result<T> &came, kusto::errc expected)
{
    if (came.code() != expected)
        std::fprintf(stderr, "    %s: %s\n", kusto::name_of(came.code()).data(), came ? "" : came.error().what());
    return came.code() == expected;
}

#define CHECK_CODE(expected, ...) CHECK(harness::gives((__VA_ARGS__), kusto::errc::expected))

// Whether it is an error that names this argument.
template <class T> bool refuses(const kusto::result<T> &came, std::string_view argument)
{
    return gives(came, kusto::errc::invalid_argument) && came.error().argument() == argument;
}

#define RUN(test) harness::run(#test, test)

inline void run(const char *name, void (*test)())
{
    wrong = false;
#if KUSTO_HPP_EXCEPTIONS
    try {
        test();
    } catch (const std::exception &thrown) {
        std::fprintf(stderr, "%s: threw %s\n", name, thrown.what());
        wrong = true;
    }
#else
    test();
#endif
    std::printf("  %s  %s\n", wrong ? "FAIL" : "ok  ", name);
    (wrong ? failed : passed)++;
    std::fflush(stdout);
}

inline int end()
{
    std::printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    return failed > 0;
}

inline const char *connection()
{
    const char *value = std::getenv("KUSTO_CONNECTION_STRING");
    return value == nullptr || *value == '\0' ? nullptr : value;
}

inline std::string database()
{
    const char *value = std::getenv("KUSTO_DATABASE");
    return value == nullptr || *value == '\0' ? "NetDefaultDB" : value;
}

// Counts the tests of a program that has no service to talk to.
inline int skip_all(int tests)
{
    std::printf("SKIP service tests: KUSTO_CONNECTION_STRING is not set\n");
    skipped += tests;
    return end();
}

// Waits, asking again, until it holds; false when it never does.
template <class F> bool eventually(F &&holds)
{
    const auto deadline = std::chrono::steady_clock::now() + PATIENCE;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return true;
}

inline kusto::client connect() { return kusto::client(kusto::config(connection())); }

// A client of an address at which nothing listens: port 1 is reserved. It does not wait for somebody to.
inline kusto::client dead_client()
{
    kusto::config config("Data Source=http://127.0.0.1:1;Fed=false");
    config.set("retry time", "0");
    return kusto::client(config);
}

inline std::int64_t number(const kusto::client &client, const std::string &text)
{
    kusto::rows rows = client.execute(database(), text, PATIENCE);
    return rows.next() ? rows.int64(0).value_or(-1) : -1;
}

// A table `(id:long, text:string)` that no other test uses, dropped at the end.
class table {
public:
    table(const kusto::client &client, const std::string &like)
        : client_(client), name_(like + "_" + std::to_string(getpid()) + "_" + std::to_string(count_++))
    {
        client_.execute(database(), ".create table ['" + name_ + "'] (id:long, text:string)", PATIENCE);
    }
    table(const table &) = delete;
    ~table() { CHECK(client_.try_execute(database(), ".drop table ['" + name_ + "'] ifexists", PATIENCE)); }

    const std::string &name() const { return name_; }
    std::int64_t rows() const { return number(client_, "['" + name_ + "'] | count"); }

    // CSV, reported to the status table, without waiting for more data.
    kusto::props props() const
    {
        kusto::props into(database(), name_);
        into.set_format(kusto::data_format::csv)
            .set_reporting(kusto::report_level::failures_and_successes, kusto::report_method::table)
            .set("flushImmediately", "true");
        return into;
    }

private:
    static inline int count_;
    const kusto::client &client_;
    std::string name_;
};

// Waits until the service is done with an ingestion; whether all items were ingested.
inline bool ends(const kusto::client &client, const kusto::receipt &receipt, kusto::item_state state)
{
    const kusto::report report =
        client.track_until_final(receipt.tracking_token(), std::chrono::milliseconds(20), PATIENCE);
    if (report.count(state) == receipt.size())
        return true;
    std::fprintf(stderr, "    %s\n", report.json().data());
    return false;
}

inline bool succeeds(const kusto::client &client, const kusto::receipt &receipt)
{
    return ends(client, receipt, kusto::item_state::succeeded);
}

// A reader that waits until the test lets it continue.
class gate {
public:
    // A source that returns no byte before the gate is opened. Its destruction is counted.
    kusto::source source()
    {
        readers_++;
        return kusto::source::reader([pass = pass_of(this)](void *, std::size_t) {
            pass.of->stop();
            return 0;
        });
    }
    // Until a reader waits at the gate.
    void await()
    {
        std::unique_lock<std::mutex> lock(lock_);
        changed_.wait(lock, [this] { return reached_; });
    }
    // The gate may be freed when all its readers are destroyed.
    ~gate()
    {
        open();
        CHECK(eventually([this] { return readers_ == 0; }));
    }
    void open()
    {
        const std::lock_guard<std::mutex> lock(lock_);
        open_ = true;
        changed_.notify_all();
    }

private:
    struct pass_of {
        gate *of;
        explicit pass_of(gate *gate) : of(gate) {}
        pass_of(pass_of &&other) noexcept : of(std::exchange(other.of, nullptr)) {}
        ~pass_of()
        {
            if (of != nullptr)
                of->readers_--;
        }
    };
    void stop()
    {
        std::unique_lock<std::mutex> lock(lock_);
        reached_ = true;
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
    }
    std::mutex lock_;
    std::condition_variable changed_;
    bool reached_ = false, open_ = false;
    std::atomic<int> readers_{0};
};

} // namespace harness

#endif

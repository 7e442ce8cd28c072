// One measured run through the C++ header.
//
// bench init|file|stream|bytes FILE ITEMS CONCURRENCY
//
// KUSTO_CONNECTION_STRING and KUSTO_DATABASE as in the examples. It ends well only when every item was
// queued.
#include <kusto_ingest.hpp>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <future>
#include <iostream>
#include <iterator>
#include <stdexcept>

using namespace std::chrono_literals;

constexpr std::chrono::minutes DEADLINE{10};

static std::string variable(const char *name)
{
    const char *value = std::getenv(name);
    if (value == nullptr)
        throw std::runtime_error(std::string(name) + " is not set");
    return value;
}

static std::unique_ptr<std::ifstream> opened(const std::string &path)
{
    auto file = std::make_unique<std::ifstream>(path, std::ios::binary);
    if (!*file)
        throw std::runtime_error("cannot read " + path);
    return file;
}

/// What is ingested again and again.
struct load {
    std::string action, path;
    /// The document, read once before the first item, as a program has it in memory.
    std::string document;

    load(std::string action_, std::string path_) : action(std::move(action_)), path(std::move(path_))
    {
        if (is_bytes())
            document.assign(std::istreambuf_iterator<char>(*opened(path)), {});
    }
    bool is_bytes() const { return action == "bytes"; }

    void ingest(const kusto::client &client, const kusto::props &props) const
    {
        if (is_bytes())
            client.ingest(props, document, DEADLINE);
        else if (action == "stream")
            client.ingest(props, kusto::source::istream(opened(path)), DEADLINE);
        else
            client.ingest(props, kusto::source::file(path), DEADLINE);
    }
};

static void work(const kusto::client &client, const load &load, long items, long concurrency)
{
    kusto::props props(variable("KUSTO_DATABASE"), "Bench");
    props.set_format(load.is_bytes() ? kusto::data_format::json : kusto::data_format::csv);
    std::atomic<long> left = items;
    const auto take_items = [&] {
        while (left-- > 0)
            load.ingest(client, props);
    };
    if (concurrency == 1)
        return take_items();
    std::vector<std::future<void>> workers;
    for (long i = 0; i < concurrency; i++)
        workers.push_back(std::async(std::launch::async, take_items));
    for (auto &worker : workers)
        worker.get();
}

int main(int argc, char **argv)
try {
    if (argc != 5)
        throw std::runtime_error("init|file|stream|bytes FILE ITEMS CONCURRENCY");
    const kusto::client client(kusto::config(variable("KUSTO_CONNECTION_STRING")));
    if (argv[1] != std::string_view("init"))
        work(client, load(argv[1], argv[2]), std::stol(argv[3]), std::stol(argv[4]));
    return EXIT_SUCCESS;
} catch (const std::exception &error) {
    std::cerr << "bench: " << error.what() << '\n';
    return EXIT_FAILURE;
}

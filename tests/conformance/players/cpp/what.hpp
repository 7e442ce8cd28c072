// Properties and sources of ingestions, from the keys of `start`.
#ifndef WHAT_HPP
#define WHAT_HPP

#include "catalog.hpp"

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <fstream>
#include <iterator>

inline kusto::time_limit limit_of(const message &said, std::int64_t otherwise = -1)
{
    const auto timeout = said.number("timeout").value_or(otherwise);
    return timeout < 0 ? kusto::time_limit() : kusto::time_limit(std::chrono::milliseconds(timeout));
}

inline void set_reporting(kusto::props &into, const message &said)
{
    const auto level = said.find("report_level"), method = said.find("report_method");
    if (level || method)
        into.set_reporting(meaning(catalog::report_levels, level.value_or("failures")),
                           meaning(catalog::report_methods, method.value_or("queue")));
}

inline kusto::props props_of(const message &said)
{
    kusto::props into(said.get("database"), said.get("table"));
    set_reporting(into, said);
    for (const auto &[key, value] : said.pairs) {
        if (key == "format")
            into.set_format(meaning(catalog::formats, value));
        else if (key == "mapping_ref")
            into.set_mapping_ref(value);
        else if (key == "mapping")
            into.set_mapping_json(value);
        else if (key == "tag")
            into.add_tag(value);
        else if (key == "mode")
            into.set_mode(meaning(catalog::ingestion_modes, value));
        else if (key == "property")
            into.set_additional(assignment(value).first, assignment(value).second);
        else if (key == "named")
            into.set(assignment(value).first, assignment(value).second);
    }
    return into;
}

/// The input, read in pieces; it may fail after some bytes.
class input {
public:
    explicit input(const message &said)
        : file_(std::string(said.get("path")), std::ios::binary),
          piece_(static_cast<std::size_t>(said.number("piece").value_or(64 * 1024))), left_(said.number("fail_after"))
    {
        if (!file_)
            throw not_understood("cannot read " + std::string(said.get("path")));
    }

    std::size_t piece() const { return piece_; }

    /// The next bytes, none at the end. Throws where the input must fail.
    std::size_t read(void *buffer, std::size_t capacity)
    {
        std::size_t wanted = std::min(capacity, piece_);
        if (left_) {
            if (*left_ == 0)
                throw std::runtime_error("the input fails");
            wanted = std::min(wanted, static_cast<std::size_t>(*left_));
        }
        file_.read(static_cast<char *>(buffer), static_cast<std::streamsize>(wanted));
        if (left_)
            *left_ -= file_.gcount();
        return static_cast<std::size_t>(file_.gcount());
    }

private:
    std::ifstream file_;
    std::size_t piece_;
    std::optional<std::int64_t> left_;
};

inline std::string whole_input(const message &said)
{
    std::ifstream file(std::string(said.get("path")), std::ios::binary);
    if (!file)
        throw not_understood("cannot read " + std::string(said.get("path")));
    return std::string(std::istreambuf_iterator<char>(file), {});
}

inline kusto::source source_of_blobs(const message &said)
{
    auto blobs = kusto::source::blobs();
    for (auto pair = said.pairs.begin(); pair != said.pairs.end(); ++pair) {
        if (pair->first != "blob")
            continue;
        std::uint64_t raw_size = 0;
        std::optional<std::string_view> id;
        for (auto next = std::next(pair); next != said.pairs.end() && next->first.rfind("blob_", 0) == 0; ++next) {
            if (next->first == "blob_id")
                id = next->second;
            else
                raw_size = std::stoull(next->second);
        }
        blobs.add_blob(pair->second, raw_size, id);
    }
    return blobs;
}

/// The source without its settings.
inline kusto::source bare_source(const message &said)
{
    const auto kind = said.get("source");
    if (kind == "bytes")
        return kusto::source::owned(whole_input(said));
    if (kind == "reader")
        return kusto::source::reader([from = input(said)](void *buffer, std::size_t capacity) mutable {
            return from.read(buffer, capacity);
        });
    if (kind == "file")
        return kusto::source::file(said.get("path"));
    if (kind == "fd")
        return kusto::source::fd(::open(std::string(said.get("path")).c_str(), O_RDONLY), true);
    if (kind == "blobs")
        return source_of_blobs(said);
    if (kind == "stream")
        return kusto::source::stream();
    throw not_understood("unknown source: " + std::string(kind));
}

inline kusto::source source_of(const message &said)
{
    auto from = bare_source(said);
    if (const auto id = said.find("source_id"))
        from.set_id(*id);
    if (const auto declared = said.find("compression"))
        from.set_compression(meaning(catalog::compressions, *declared));
    if (const auto size = said.number("raw_size"))
        from.set_raw_size(static_cast<std::uint64_t>(*size));
    return from;
}

#endif

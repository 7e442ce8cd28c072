// The player's half of the conversation that tests/conformance/README.md describes: messages arrive on
// standard input, one answer to each goes to standard output.
#ifndef MESSAGE_HPP
#define MESSAGE_HPP

#include <cstdint>
#include <iostream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The driver sent something that no player knows. Ends the program instead of answering with a failure.
struct not_understood : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct message {
    std::string verb;
    std::vector<std::pair<std::string, std::string>> pairs;

    std::optional<std::string_view> find(std::string_view key) const
    {
        for (const auto &[name, value] : pairs)
            if (name == key)
                return value;
        return std::nullopt;
    }
    /// The value of a required key.
    std::string_view get(std::string_view key) const
    {
        if (const auto value = find(key))
            return *value;
        throw not_understood(verb + " without " + std::string(key));
    }
    std::optional<std::int64_t> number(std::string_view key) const
    {
        const auto value = find(key);
        return value ? std::optional(std::int64_t(std::stoll(std::string(*value)))) : std::nullopt;
    }
    bool flag(std::string_view key) const { return number(key).value_or(0) != 0; }
};

inline std::string unescaped(std::string_view text)
{
    std::string plain;
    for (std::size_t i = 0; i < text.size(); i++) {
        if (text[i] == '\\' && i + 1 < text.size()) {
            i++;
            plain += text[i] == 'n' ? '\n' : text[i] == 'r' ? '\r' : text[i];
        } else {
            plain += text[i];
        }
    }
    return plain;
}

/// Nothing at the end of the input.
inline std::optional<message> next_message()
{
    message said;
    if (!std::getline(std::cin, said.verb))
        return std::nullopt;
    std::string line;
    while (std::getline(std::cin, line)) {
        if (line.empty())
            return said;
        const auto space = line.find(' ');
        const auto value = space == std::string::npos ? std::string() : unescaped(line.substr(space + 1));
        said.pairs.emplace_back(line.substr(0, space), value);
    }
    throw not_understood("the input ends within a message");
}

/// Splits NAME=VALUE.
inline std::pair<std::string_view, std::string_view> assignment(std::string_view text)
{
    const auto sign = text.find('=');
    if (sign == std::string_view::npos)
        throw not_understood("no NAME=VALUE: " + std::string(text));
    return {text.substr(0, sign), text.substr(sign + 1)};
}

/// The value that a word stands for.
template <class T> using words = std::vector<std::pair<std::string_view, T>>;

template <class T> T meaning(const words<T> &known, std::string_view text)
{
    for (const auto &[word, value] : known)
        if (word == text)
            return value;
    throw not_understood("unknown word: " + std::string(text));
}

template <class T> std::string word_of(const words<T> &known, T value)
{
    for (const auto &[word, each] : known)
        if (each == value)
            return std::string(word);
    throw not_understood("no word for " + std::to_string(static_cast<int>(value)));
}

/// An answer under way, written as a whole when it is complete.
class answer {
public:
    explicit answer(std::string_view head) : text_(head) { text_ += '\n'; }

    void say(std::string_view key, std::string_view value)
    {
        text_ += key;
        text_ += ' ';
        for (const char byte : value) {
            if (byte == '\\' || byte == '\n' || byte == '\r')
                text_ += '\\';
            text_ += byte == '\n' ? 'n' : byte == '\r' ? 'r' : byte;
        }
        text_ += '\n';
    }
    void say(std::string_view key, std::uint64_t value) { say(key, std::to_string(value)); }

    void send() const
    {
        if (!(std::cout << text_ << std::endl))
            throw not_understood("nobody listens any more");
    }

private:
    std::string text_;
};

#endif

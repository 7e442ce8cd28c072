/* The player's half of the conversation that tests/conformance/README.md describes: messages arrive on
 * standard input, one answer to each goes to standard output. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pair {
    char *key;
    char *value;
};

struct message {
    char *verb;
    struct pair *pairs;
    size_t count;
};

/* The driver sent something that no player knows, or the machine cannot go on. */
static void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(2);
}

static void *allocated(void *memory)
{
    if (memory == NULL)
        die("out of memory");
    return memory;
}

static char *copy_of(const char *text)
{
    return allocated(strdup(text));
}

static void unescape(char *text)
{
    char *out = text;
    for (; *text != '\0'; text++) {
        if (*text == '\\' && text[1] != '\0')
            text++, *out++ = *text == 'n' ? '\n' : *text == 'r' ? '\r' : *text;
        else
            *out++ = *text;
    }
    *out = '\0';
}

/* The next line without its end; NULL at the end of the input. The caller frees it. */
static char *next_line(void)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length = getline(&line, &room, stdin);
    if (length < 0) {
        free(line);
        return NULL;
    }
    if (length > 0 && line[length - 1] == '\n')
        line[length - 1] = '\0';
    return line;
}

static void free_message(struct message *said)
{
    size_t i;
    for (i = 0; i < said->count; i++)
        free(said->pairs[i].key);
    free(said->pairs);
    free(said->verb);
    memset(said, 0, sizeof *said);
}

/* 0 at the end of the input. */
static int next_message(struct message *said)
{
    char *line;
    memset(said, 0, sizeof *said);
    said->verb = next_line();
    if (said->verb == NULL)
        return 0;
    while ((line = next_line()) != NULL && *line != '\0') {
        char *value = strchr(line, ' ');
        said->pairs = allocated(realloc(said->pairs, (said->count + 1) * sizeof *said->pairs));
        if (value != NULL)
            *value++ = '\0';
        else
            value = line + strlen(line);
        unescape(value);
        said->pairs[said->count].key = line;
        said->pairs[said->count++].value = value;
    }
    if (line == NULL)
        die("the input ends within a message");
    free(line);
    return 1;
}

/* The value of a key; NULL if it is missing. */
static const char *find(const struct message *said, const char *key)
{
    size_t i;
    for (i = 0; i < said->count; i++)
        if (strcmp(said->pairs[i].key, key) == 0)
            return said->pairs[i].value;
    return NULL;
}

/* The value of a required key. */
static const char *get(const struct message *said, const char *key)
{
    const char *value = find(said, key);
    if (value == NULL)
        die("%s without %s", said->verb, key);
    return value;
}

static int64_t number(const struct message *said, const char *key, int64_t otherwise)
{
    const char *value = find(said, key);
    char *end = NULL;
    long long parsed;
    if (value == NULL)
        return otherwise;
    parsed = strtoll(value, &end, 10);
    if (*value == '\0' || *end != '\0')
        die("%s: %s is no number: %s", said->verb, key, value);
    return parsed;
}

static int flag(const struct message *said, const char *key)
{
    return number(said, key, 0) != 0;
}

/* The value that a word stands for. */
struct word {
    const char *text;
    int32_t value;
};

static int32_t meaning(const struct word *words, size_t count, const char *text)
{
    size_t i;
    for (i = 0; i < count; i++)
        if (strcmp(words[i].text, text) == 0)
            return words[i].value;
    die("unknown word: %s", text);
    return -1;
}

#define MEANING(words, text) meaning(words, sizeof words / sizeof *words, text)

static const char *word_of(const struct word *words, size_t count, int32_t value)
{
    size_t i;
    for (i = 0; i < count; i++)
        if (words[i].value == value)
            return words[i].text;
    die("no word for %d", (int)value);
    return NULL;
}

#define WORD(words, value) word_of(words, sizeof words / sizeof *words, value)

/* Splits NAME=VALUE; the name is followed by `=`. */
static const char *value_of(const char *assignment, size_t *name_length)
{
    const char *sign = strchr(assignment, '=');
    if (sign == NULL)
        die("no NAME=VALUE: %s", assignment);
    *name_length = (size_t)(sign - assignment);
    return sign + 1;
}

/* ---- answers: a line `ok` or `error`, lines `key value`, and end_answer ------------------------------- */

static void say_escaped(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\\' || *text == '\n' || *text == '\r') {
            putchar('\\');
            putchar(*text == '\n' ? 'n' : *text == '\r' ? 'r' : '\\');
        } else {
            putchar(*text);
        }
    }
}

/* Missing values are left out. */
static void say(const char *key, const char *value)
{
    if (value == NULL)
        return;
    printf("%s ", key);
    say_escaped(value);
    putchar('\n');
}

static void say_number(const char *key, uint64_t value)
{
    printf("%s %llu\n", key, (unsigned long long)value);
}

static void end_answer(void)
{
    putchar('\n');
    if (fflush(stdout) != 0)
        die("nobody listens any more");
}

#endif

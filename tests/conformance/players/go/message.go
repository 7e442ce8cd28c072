package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// message is a message of the driver; tests/conformance/README.md describes the format.
type message struct {
	verb  string
	pairs [][2]string
}

// misunderstood ends the player: the driver sent something that no player knows.
type misunderstood struct{ text string }

func misunderstand(format string, arguments ...any) {
	panic(misunderstood{fmt.Sprintf(format, arguments...)})
}

func (m *message) find(key string) (string, bool) {
	for _, pair := range m.pairs {
		if pair[0] == key {
			return pair[1], true
		}
	}
	return "", false
}

// get is the value of a required key.
func (m *message) get(key string) string {
	value, said := m.find(key)
	if !said {
		misunderstand("%s without %s", m.verb, key)
	}
	return value
}

func (m *message) number(key string, otherwise int64) int64 {
	value, said := m.find(key)
	if !said {
		return otherwise
	}
	number, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		misunderstand("%s: %s: %v", m.verb, key, err)
	}
	return number
}

func (m *message) flag(key string) bool { return m.number(key, 0) != 0 }

func (m *message) only(keys []string) {
	for _, pair := range m.pairs {
		if !slices.Contains(keys, pair[0]) {
			misunderstand("%s: unknown key: %s", m.verb, pair[0])
		}
	}
}

// assignment splits NAME=VALUE.
func assignment(text string) (name, value string) {
	name, value, found := strings.Cut(text, "=")
	if !found {
		misunderstand("no NAME=VALUE: %s", text)
	}
	return name, value
}

// meaning is the value that a word stands for.
func meaning[T any](words map[string]T, word string) T {
	value, known := words[word]
	if !known {
		misunderstand("unknown word: %s", word)
	}
	return value
}

func milliseconds(number int64) time.Duration { return time.Duration(number) * time.Millisecond }

var (
	escapes   = strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`)
	unescapes = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r")
)

// next is nil at the end of the input.
func next(from *bufio.Reader) *message {
	said := &message{}
	for {
		line, err := from.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" && said.verb == "" {
			return nil
		}
		if err != nil {
			misunderstand("the input ends within a message: %v", err)
		}
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			return said
		}
		if said.verb == "" {
			said.verb = line
			continue
		}
		key, value, _ := strings.Cut(line, " ")
		said.pairs = append(said.pairs, [2]string{key, unescapes.Replace(value)})
	}
}

// answer is an answer of the player.
type answer struct{ text strings.Builder }

func (a *answer) say(key string, value any) {
	a.text.WriteString(key + " " + escapes.Replace(fmt.Sprint(value)) + "\n")
}

// add appends the content of another answer.
func (a *answer) add(other *answer) { a.text.WriteString(other.text.String()) }

func (a *answer) send(to io.Writer, head string) error {
	_, err := io.WriteString(to, head+"\n"+a.text.String()+"\n")
	return err
}

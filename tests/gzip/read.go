// Command read reads every NAME.gz of a directory with Go's gzip, one member only, and compares it with NAME.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
)

func read(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	buffered := bufio.NewReader(file)
	reader, err := gzip.NewReader(buffered)
	if err != nil {
		return nil, err
	}
	reader.Multistream(false)
	data, err := io.ReadAll(reader)
	if err != nil {
		return nil, err
	}
	if _, err := buffered.ReadByte(); err != io.EOF {
		return nil, fmt.Errorf("there is something behind the member")
	}
	return data, nil
}

func main() {
	names, err := filepath.Glob(filepath.Join(os.Args[1], "*.gz"))
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range names {
		data, err := read(name)
		if err != nil {
			log.Fatalf("%s: %v", name, err)
		}
		expected, err := os.ReadFile(strings.TrimSuffix(name, ".gz"))
		if err != nil {
			log.Fatal(err)
		}
		if !bytes.Equal(data, expected) {
			log.Fatalf("%s does not read back", name)
		}
	}
	fmt.Printf("%d files\n", len(names))
}

// Command player is the player in Go of tests/conformance: it carries out its input through package
// kustoingest and reports the results.
package main

import (
	"bufio"
	"fmt"
	"os"
)

type verb struct {
	play func(*player, *message, *answer) error
	keys []string
}

var verbs = map[string]verb{
	"client": {(*player).makeClient, []string{"client", "connection", "login", "application", "file", "setting"}},
	"start": {(*player).start, []string{
		"client", "op", "database", "table", "source", "path", "blob", "blob_raw_size", "blob_id", "piece", "fail_after",
		"format", "mapping_ref", "mapping", "tag", "mode", "report_level", "report_method", "property", "named", "source_id", "compression",
		"raw_size", "timeout", "cancelled", "progress"}},
	"wait":     {(*player).wait, []string{"op"}},
	"cancel":   {(*player).cancel, []string{"op"}},
	"track":    {call((*player).track), []string{"client", "op", "final", "timeout", "as"}},
	"outcomes": {call((*player).outcomes), []string{"client", "op", "how", "which", "max", "timeout", "as"}},
	"execute":  {call((*player).execute), []string{"client", "database", "text", "parameter", "option", "timeout", "cancelled", "as"}},
	"warm_up":  {call((*player).warmUp), []string{"client", "timeout", "as"}},
	"close":    {call((*player).close), []string{"client", "timeout", "as"}},
	"reset":    {(*player).reset, nil},
}

func main() {
	defer func() {
		switch wrong := recover().(type) {
		case nil:
		case misunderstood:
			fmt.Fprintln(os.Stderr, wrong.text)
			os.Exit(2)
		default:
			panic(wrong)
		}
	}()
	p := newPlayer()
	from := bufio.NewReader(os.Stdin)
	for said := next(from); said != nil; said = next(from) {
		if err := p.answered(said); err != nil {
			misunderstand("nobody listens any more: %v", err)
		}
	}
	if err := p.freeAll(); err != nil {
		misunderstand("%v", err)
	}
}

func (p *player) answered(said *message) error {
	known := meaning(verbs, said.verb)
	said.only(known.keys)
	told := &answer{}
	if err := known.play(p, said, told); err != nil {
		return failure(err).send(os.Stdout, "error")
	}
	return told.send(os.Stdout, "ok")
}

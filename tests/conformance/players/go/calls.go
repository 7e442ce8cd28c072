package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	kusto "kustoingest"
)

// question is a call whose message was read, so that it can be made on any goroutine.
type question func(ctx context.Context, told *answer) error

// call makes the call, or begins it in the background if it has a name.
func call(read func(*player, *message) question) func(*player, *message, *answer) error {
	return func(p *player, said *message, told *answer) error {
		ask := read(p, said)
		ctx, cancel := limited(said)
		name, background := said.find("as")
		if !background {
			defer cancel()
			return ask(ctx, told)
		}
		p.forget(name)
		begun := &operation{cancel: cancel, done: make(chan struct{}), told: &answer{}}
		p.operations[name] = begun
		go func() {
			defer close(begun.done)
			begun.err = ask(ctx, begun.told)
		}()
		return nil
	}
}

// wordOf is what scenarios call the state.
func wordOf(state kusto.State) string {
	for word, known := range itemStates {
		if known == state {
			return word
		}
	}
	return state.String()
}

func sayItems(told *answer, statuses []kusto.Status) {
	orDash := func(text string) string {
		if text == "" {
			return "-"
		}
		return text
	}
	for _, status := range statuses {
		told.say("item", wordOf(status.State)+" "+orDash(status.SourceID)+" "+orDash(status.ErrorCode))
	}
}

func (p *player) track(said *message) question {
	// The client may be another one than that of the ingestion.
	of := p.client(said).ResultOf(p.receipt(said).TrackingToken)
	final := said.number("final", 1) != 0
	return func(ctx context.Context, told *answer) error {
		if final {
			var found *kusto.Error
			if err := of.Wait(ctx, kusto.WithInterval(milliseconds(50))); errors.As(err, &found) && found.Statuses != nil {
				sayItems(told, found.Statuses)
				return nil
			} else if err != nil {
				return err
			}
		}
		statuses, err := of.Status(ctx)
		sayItems(told, statuses)
		return err
	}
}

func (p *player) outcomes(said *message) question {
	ask := meaning(map[string]func(*kusto.Client, context.Context, kusto.Outcome, *kusto.Result, int) ([]kusto.Status, error){
		"peek": (*kusto.Client).PeekOutcomes, "take": (*kusto.Client).TakeOutcomes,
	}, said.get("how"))
	which := meaning(outcomes, said.get("which"))
	client, of, most := p.client(said), p.receipt(said), int(said.number("max", 32))
	return func(ctx context.Context, told *answer) error {
		statuses, err := ask(client, ctx, which, of, most)
		sayItems(told, statuses)
		return err
	}
}

func (p *player) execute(said *message) question {
	text, run := said.get("text"), p.client(said).Query
	// Of a scenario, commands have a line that begins with a dot, queries have none.
	if strings.Contains("\n"+strings.TrimPrefix(text, "\ufeff"), "\n.") {
		run = p.client(said).Mgmt
	}
	var options []kusto.QueryOption
	for _, pair := range said.pairs {
		switch pair[0] {
		case "parameter":
			options = append(options, kusto.QueryParameter(assignment(pair[1])))
		case "option":
			options = append(options, kusto.RequestOption(assignment(pair[1])))
		}
	}
	return func(ctx context.Context, told *answer) error {
		rows, err := run(ctx, said.get("database"), text, options...)
		if err != nil {
			return err
		}
		return sayRows(told, rows)
	}
}

func sayRows(told *answer, rows *kusto.Rows) error {
	for _, column := range rows.Columns() {
		told.say("column", column.Name+" "+column.Type)
	}
	for rows.Next() {
		row := make([]*string, len(rows.Columns()))
		for i := range row {
			if text, there := rows.Text(i); there {
				row[i] = &text
			}
		}
		document, err := json.Marshal(row)
		if err != nil {
			return err
		}
		told.say("row", string(document))
	}
	return nil
}

func (p *player) warmUp(said *message) question {
	client := p.client(said)
	return func(ctx context.Context, _ *answer) error { return client.WarmUp(ctx) }
}

func (p *player) close(said *message) question {
	client := p.client(said)
	return func(ctx context.Context, _ *answer) error {
		_, err := client.Shutdown(ctx)
		return err
	}
}

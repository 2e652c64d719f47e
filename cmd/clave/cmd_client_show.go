package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"

	"iess.gob.ec/clave/storage"
)

// shownLogouts is how many deliveries are shown.
const shownLogouts = 20

// logoutsOf says in a word how an application was told of logouts: what waits, and
// what became of those of the last day.
func logoutsOf(c storage.Client, counts []storage.LogoutCount) string {
	var out []string
	for _, state := range storage.LogoutStates() {
		for _, n := range counts {
			if n.ClientID == c.ID && n.State == state {
				out = append(out, strconv.FormatInt(n.Count, 10)+" "+state)
			}
		}
	}
	switch {
	case len(out) > 0:
		return strings.Join(out, ", ")
	case c.Metadata.BackchannelLogoutURI == "":
		return "-"
	default:
		return "none"
	}
}

// clientShow shows an application as it is registered, and the newest logouts it
// was told of, or is to be told of. Whose they are is not said.
func (c *commands) clientShow(ctx context.Context, id string) error {
	_, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	client, err := db.Client(ctx, id)
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("there is no application %q; clave client list shows them", id)
	}
	if err != nil {
		return err
	}
	logouts, err := db.ClientLogouts(ctx, id, shownLogouts)
	if err != nil {
		return err
	}
	metadata, err := json.MarshalIndent(client.Metadata, "", "  ")
	if err != nil {
		return err
	}
	c.println(string(metadata))
	if !client.DisabledAt.IsZero() {
		c.println("disabled " + instant(client.DisabledAt.Time))
	}
	if len(logouts) == 0 {
		c.println("It was told of no logout lately.")
		return nil
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	say(w, "LOGOUT\tSTATE\tFAILED ATTEMPTS\tLAST TROUBLE\tDONE OR NEXT ATTEMPT\n")
	for _, d := range logouts {
		when, class := d.DoneAt, "-"
		if when.IsZero() {
			when = d.NextAt
		}
		if d.LastError != "" {
			class = d.LastError
		}
		say(w, "%s\t%s\t%d\t%s\t%s\n", instant(d.CreatedAt.Time), d.State, d.Attempts, class, instant(when.Time))
	}
	return w.Flush()
}

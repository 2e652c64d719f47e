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

// shownDeliveries is how many deliveries are shown.
const shownDeliveries = 20

// toldOf says in a word how an application was told of logouts, or of security
// events, at an address ("": nowhere): what waits, and what became of those of the
// last day.
func toldOf(c storage.Client, logouts bool, address string, counts []storage.DeliveryCount) string {
	var out []string
	for _, state := range storage.DeliveryStates() {
		var all int64
		for _, n := range counts {
			if n.ClientID == c.ID && n.State == state && (n.Event == storage.BackchannelLogout) == logouts {
				all += n.Count
			}
		}
		if all > 0 {
			out = append(out, strconv.FormatInt(all, 10)+" "+state)
		}
	}
	switch {
	case len(out) > 0:
		return strings.Join(out, ", ")
	case address == "":
		return "-"
	default:
		return "none"
	}
}

// resources says for which APIs an application may ask for tokens.
func resources(m storage.ClientMetadata) string {
	switch {
	case m.Resources == nil && m.FirstParty:
		return "any API that is registered."
	case len(m.Resources) == 0:
		return "no API."
	default:
		return strings.Join(m.Resources, ", ")
	}
}

// clientShow shows an application as it is registered, and the newest logouts and
// security events it was told of, or is to be told of. Whose they are is not said.
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
	told, err := db.ClientDeliveries(ctx, id, shownDeliveries)
	if err != nil {
		return err
	}
	metadata, err := json.MarshalIndent(client.Metadata, "", "  ")
	if err != nil {
		return err
	}
	c.println(string(metadata))
	if len(client.Metadata.GrantTypes) > 0 {
		c.println("Beside the issuer it may ask for tokens for " + resources(client.Metadata))
	}
	if !client.DisabledAt.IsZero() {
		c.println("disabled " + instant(client.DisabledAt.Time))
	}
	if len(told) == 0 {
		c.println("It was told of no logout and no security event lately.")
		return nil
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	say(w, "SINCE\tOF\tSTATE\tFAILED ATTEMPTS\tLAST TROUBLE\tDONE OR NEXT ATTEMPT\n")
	for _, d := range told {
		when, class := d.DoneAt, "-"
		if when.IsZero() {
			when = d.NextAt
		}
		if d.LastError != "" {
			class = d.LastError
		}
		say(w, "%s\t%s\t%s\t%d\t%s\t%s\n", instant(d.CreatedAt.Time), storage.EventName(d.Event), d.State, d.Attempts, class, instant(when.Time))
	}
	return w.Flush()
}

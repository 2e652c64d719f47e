package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/storage"
)

func (c *commands) client() *cobra.Command {
	cmd := group(&cobra.Command{Use: "client", Short: "The registered applications"})
	var reason string
	disable := &cobra.Command{
		Use: "disable ID", Short: "Refuse an application from now on and revoke what it holds; apply enables it again", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.clientDisable(cmd.Context(), args[0], reason) },
	}
	disable.Flags().StringVar(&reason, "reason", "", "why; stands in the audit")
	cmd.AddCommand(
		&cobra.Command{
			Use: "apply FILE", Args: cobra.ExactArgs(1),
			Short: "Register, or change, the applications of FILE: a JSON array of RFC 7591 metadata; all of them or none",
			RunE:  func(cmd *cobra.Command, args []string) error { return c.clientApply(cmd.Context(), args[0]) },
		},
		&cobra.Command{
			Use: "list", Short: "Show the registered applications", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return c.clientList(cmd.Context()) },
		}, disable)
	return cmd
}

func (c *commands) clientApply(ctx context.Context, name string) error {
	text, err := readFile(name, maxClients)
	if err != nil {
		return err
	}
	clients, err := provider.ParseClients(text)
	if err != nil {
		return refusedFile(name, err)
	}
	_, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	now := c.now()
	var algs []string
	for _, r := range clients {
		algs = append(algs, r.Metadata.IDTokenSignedAlg)
	}
	// Before they may ask for it: running replicas must have what signs for them.
	if err := provider.EnsureKeys(ctx, db, now, algs...); err != nil {
		return err
	}
	err = db.InTx(ctx, func(tx *storage.Tx) error {
		for _, r := range clients {
			if err := r.Apply(ctx, tx, now); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, provider.ErrNoSecret) {
		return refusedFile(name, err)
	}
	if err != nil {
		return err
	}
	for _, r := range clients {
		c.println("applied", r.ID)
	}
	return nil
}

// maxClients is the most an applications file may hold, in bytes.
const maxClients = 8 << 20

// refusedFile makes one line of each reason.
func refusedFile(name string, err error) error {
	var f failure
	for line := range strings.SplitSeq(err.Error(), "\n") {
		f = append(f, problem{name, "", line, "mend it; nothing of the file was applied"})
	}
	return f
}

func (c *commands) clientList(ctx context.Context) error {
	_, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	clients, err := db.Clients(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	say(w, "ID\tNAME\tSTATE\tPARTY\tAUTHENTICATION\tRENEWAL WINDOW\tSCOPE\n")
	for _, cl := range clients {
		state, party := "enabled", "third"
		if !cl.DisabledAt.IsZero() {
			state = "disabled " + instant(cl.DisabledAt.Time)
		}
		if cl.Metadata.FirstParty {
			party = "first"
		}
		window := "-"
		if seconds := cl.Metadata.RenewalWindow; seconds > 0 {
			window = days(time.Duration(seconds) * time.Second)
		}
		say(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", cl.ID, cl.Metadata.ClientName, state, party, cl.Metadata.TokenEndpointAuthMethod, window, cl.Metadata.Scope)
	}
	return w.Flush()
}

func (c *commands) clientDisable(ctx context.Context, id, reason string) error {
	_, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	err = db.InTx(ctx, func(tx *storage.Tx) error { return provider.DisableClient(ctx, tx, id, reason, c.now()) })
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("there is no application %q; clave client list shows them", id)
	}
	if err == nil {
		c.println("disabled", id)
	}
	return err
}

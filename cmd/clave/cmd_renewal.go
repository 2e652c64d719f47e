package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	claves "iess.gob.ec/clave/login/clave"
)

// renewal is what an operator does about the days on which claves fall due.
func (c *commands) renewal() *cobra.Command {
	cmd := group(&cobra.Command{Use: "renewal", Short: "The days on which claves have to be renewed"})
	var apply bool
	var reason string
	recompute := &cobra.Command{
		Use: "recompute", Short: "Show how due dates move after clave.max_age, waiver, waive_passkey or spread was edited; -apply moves them", Args: cobra.NoArgs,
		Long: "Each clave carries the day on which it falls due, so an edit of the policy concerns claves set from then on.\n" +
			"This gives the others the date they would have under the policy as it is now, spread as clave.spread says.\n" +
			"Nobody's date comes nearer than 30 days from now, so that everybody is reminded 30, 7 and 1 days before; dates\n" +
			"that would are spread over the 30 days after that (or clave.spread, where it is longer). Who is due already, or\n" +
			"within 30 days, keeps that date or gets a later one. How long a clave is its hash does not tell: only those of\n" +
			"15 characters or more are known to be, and the waiver of another length comes with the next clave.\n\n" +
			"Without -apply nothing is written. With it, batches are moved one transaction each, beside a service that runs;\n" +
			"an interrupted run goes on when it is started again.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch reason = strings.TrimSpace(reason); {
			case apply && reason == "":
				return usageError{"renewal recompute: -reason TEXT is missing; it stands in the audit"}
			case !apply && reason != "":
				return usageError{"renewal recompute: -reason goes with -apply; without it nothing is changed"}
			}
			return c.renewalRecompute(cmd.Context(), reason)
		},
	}
	recompute.Flags().BoolVar(&apply, "apply", false, "move them; default: show what would move")
	recompute.Flags().StringVar(&reason, "reason", "", "why; stands in the audit (required with -apply)")
	cmd.AddCommand(recompute)
	return cmd
}

// renewalRecompute moves due dates for reason, or shows what would move where it
// is "".
func (c *commands) renewalRecompute(ctx context.Context, reason string) error {
	cfg, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	bar := newProgress(c.stderr, c.now, "recompute")
	r, err := claves.Recompute(ctx, db, cfg.renewal(), reason, c.now(), bar.at)
	bar.end()
	if err != nil && reason != "" {
		return fmt.Errorf("%w; what was moved stays so: run it again to go on", err)
	}
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	say(w, "FALL DUE IN\tBEFORE\tAFTER\t\n")
	for _, m := range r.Months {
		say(w, "%s\t%d\t%d\t\n", m.Month, m.Before, m.After)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	verb := "would move"
	if reason != "" {
		verb = "moved"
	}
	c.printf("%d claves: %s %d: %d earlier, %d later, %d that never fell due, %d that never will; %d are due already and stay so\n",
		r.Claves, verb, r.Moves()-r.Changed, r.Earlier, r.Later, r.Begin, r.End, r.Due)
	switch {
	case r.Changed > 0:
		c.printf("%d were changed by somebody else meanwhile and left alone: run it again to look at them\n", r.Changed)
	case reason == "" && r.Moves() > 0:
		c.println("nothing was changed; -apply -reason TEXT does it")
	}
	return nil
}

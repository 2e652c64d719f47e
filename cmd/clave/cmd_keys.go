package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"iess.gob.ec/clave/provider"
	"iess.gob.ec/clave/storage"
)

func (c *commands) keys() *cobra.Command {
	cmd := group(&cobra.Command{Use: "keys", Short: "The keys that sign tokens, and what the sealing keys have sealed"})
	var alg, reason string
	rotate := &cobra.Command{
		Use: "rotate", Short: "Let the next key sign; the old one stays published until nothing it signed is valid", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.keysRotate(cmd.Context(), alg) },
	}
	rotate.Flags().StringVar(&alg, "alg", "", "only this algorithm; default: every one in use")
	revoke := &cobra.Command{
		Use: "revoke KID", Short: "Withdraw a key at once and destroy its secret: what it signed is refused from now on", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return c.keysRevoke(cmd.Context(), args[0], reason) },
	}
	revoke.Flags().StringVar(&reason, "reason", "", "why; stands in the audit (required)")
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "Show the keys: next, active, retired", Args: cobra.NoArgs,
			Long: "Show the keys: next, active, retired. UNTIL is when that state ends by itself: the next key signs, the active one is\n" +
				"replaced by it, a retired one is published no more. \"by hand\": when somebody runs clave keys rotate.",
			RunE: func(cmd *cobra.Command, _ []string) error { return c.keysList(cmd.Context()) },
		}, rotate, revoke,
		&cobra.Command{
			Use: "reseal", Args: cobra.NoArgs,
			Short: "Seal with keys.current what former sealing keys have sealed; afterwards they may leave keys.seal",
			RunE:  func(cmd *cobra.Command, _ []string) error { return c.keysReseal(cmd.Context()) },
		})
	return cmd
}

func (c *commands) keysReseal(ctx context.Context) error {
	cfg, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	bar := newProgress(c.stderr, c.now, "reseal")
	defer bar.end()
	var total int64
	for more := true; more; { // replicas that still run with the former key may have added some
		n, err := db.Reseal(ctx, bar.at)
		if err != nil {
			return fmt.Errorf("%w; what is done stays done: run it again", err)
		}
		total, more = total+n, n > 0
	}
	c.printf("sealed %d values again with %s\n", total, cfg.Keys.Current)
	return nil
}

func (c *commands) keysList(ctx context.Context) error {
	cfg, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	keys, err := provider.Keys(ctx, db)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	say(w, "KID\tALG\tSTATE\tCREATED\tACTIVE\tRETIRED\tUNTIL\n")
	for _, k := range keys {
		until := "by hand"
		if at := cfg.keyTimes().Until(k, keys); !at.IsZero() {
			until = instant(at)
		}
		say(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.KID, k.Alg, k.State, instant(k.CreatedAt), instant(k.ActivatedAt), instant(k.RetiredAt), until)
	}
	return w.Flush()
}

func (c *commands) keysRotate(ctx context.Context, alg string) error {
	cfg, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	algs := []string{alg}
	if alg == "" {
		keys, err := provider.Keys(ctx, db)
		if err != nil {
			return err
		}
		algs = nil
		for _, k := range keys {
			if k.State == storage.KeyActive {
				algs = append(algs, k.Alg)
			}
		}
	}
	if len(algs) == 0 {
		return errors.New("there are no keys yet; clave serve makes them when it starts")
	}
	times := cfg.keyTimes()
	for _, alg := range algs {
		switch err := provider.RotateKeys(ctx, db, alg, times, c.now()); {
		case errors.Is(err, provider.ErrTooSoon):
			return fmt.Errorf("%s: %w; wait until %s after the next key was made (tokens.key_cache), or use clave keys revoke in an emergency", alg, err, times.Lead())
		case err != nil:
			return err
		}
		c.println("rotated", alg)
	}
	return nil
}

func (c *commands) keysRevoke(ctx context.Context, kid, reason string) error {
	if reason == "" {
		return usageError{"keys revoke: -reason TEXT is missing; it stands in the audit"}
	}
	cfg, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	err = provider.RevokeKey(ctx, db, kid, reason, c.now())
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("there is no key %q; clave keys list shows them", kid)
	}
	if err == nil {
		c.println("revoked", kid)
		say(c.stderr, "Applications that verify tokens by themselves may trust it for %s more (tokens.key_cache), unless they are restarted.\n", days(cfg.Tokens.KeyCache))
	}
	return err
}

// keyTimes says how long keys do what.
func (c *config) keyTimes() provider.KeyTimes {
	return provider.KeyTimes{Life: c.Tokens.KeyLife, Cache: c.Tokens.KeyCache, Token: max(c.Tokens.Access, c.Tokens.ID)}
}

func instant(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"

	"iess.gob.ec/clave/storage"
)

func (c *commands) migrate() *cobra.Command {
	cmd := group(&cobra.Command{Use: "migrate", Short: "Bring the database's schema up to date, or show where it stands"})
	cmd.AddCommand(
		&cobra.Command{
			Use: "up", Short: "Apply every step the database lacks; safe to run beside running replicas", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return c.migrateUp(cmd.Context()) },
		},
		&cobra.Command{
			Use: "status", Short: "List the steps of the schema and when each was applied", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return c.migrateStatus(cmd.Context()) },
		})
	return cmd
}

// openAny opens the database whatever its schema.
func (c *commands) openAny(ctx context.Context) (*storage.DB, error) {
	cfg, err := c.load()
	if err != nil {
		return nil, err
	}
	return c.database(ctx, cfg)
}

func (c *commands) migrateUp(ctx context.Context) error {
	db, err := c.openAny(ctx)
	if err != nil {
		return err
	}
	var names []string
	err = newProgress(c.stderr, c.now, "migrate up").while(func() error {
		var err error
		names, err = db.Migrate(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("%w; run it again once the cause is gone: the failed step begins anew", err)
	}
	for _, name := range names {
		c.println("applied", name)
	}
	if len(names) == 0 {
		c.println("nothing to apply")
	}
	return nil
}

func (c *commands) migrateStatus(ctx context.Context) error {
	db, err := c.openAny(ctx)
	if err != nil {
		return err
	}
	steps, err := db.Migrations(ctx)
	if err != nil {
		return err
	}
	for _, m := range steps {
		at := "not applied"
		if !m.Applied.IsZero() {
			at = m.Applied.UTC().Format(time.RFC3339)
		}
		c.printf("%-24s %s\n", m.Name, at)
	}
	return nil
}

func (c *commands) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print what was built", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			c.println("clave", buildVersion())
			return nil
		},
	}
}

// buildVersion is the module's version, or the commit it was built from.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version, revision, changed := info.Main.Version, "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			revision = " " + s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			changed = " with changes"
		}
	}
	return version + revision + changed + " " + info.GoVersion
}

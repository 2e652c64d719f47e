package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
)

func (c *commands) imports() *cobra.Command {
	cmd := group(&cobra.Command{Use: "import", Short: "Take people and work history over from CSV files"})
	for _, kind := range []struct {
		name, short string
		columns     []storage.Column
		run         func(*storage.DB) importFunc
	}{
		{storage.ImportKindAfiliados, "People, one a line", storage.AfiliadosColumns(), func(db *storage.DB) importFunc { return db.ImportAfiliados }},
		{storage.ImportKindHistoria, "Work history, one month at one employer a line", storage.HistoriaColumns(), func(db *storage.DB) importFunc { return db.ImportHistoria }},
	} {
		cmd.AddCommand(&cobra.Command{
			Use: kind.name + " FILE.csv", Short: kind.short, Args: cobra.ExactArgs(1), Long: kind.short + ".\n\n" + columnHelp(kind.columns),
			RunE: func(cmd *cobra.Command, args []string) error {
				return c.importFile(cmd.Context(), kind.name, args[0], kind.run)
			},
		})
	}
	return cmd
}

type importFunc = func(context.Context, io.ReadSeeker, storage.ImportOptions) (storage.ImportReport, error)

func columnHelp(columns []storage.Column) string {
	var b strings.Builder
	b.WriteString("The file is UTF-8, its first line names the columns, in any order, separated by commas or semicolons.\n" +
		"Lines that cannot be used are left out and listed on stdout. An interrupted import goes on where it was\n" +
		"when the same file is given again.\n\nColumns (* required):\n")
	for _, col := range columns {
		mark := " "
		if col.Required {
			mark = "*"
		}
		say(&b, "  %s %-18s %s\n", mark, col.Name, col.Doc)
	}
	return b.String()
}

func (c *commands) importFile(ctx context.Context, kind, name string, method func(*storage.DB) importFunc) error {
	f, err := os.Open(name) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	cfg, db, err := c.open(ctx)
	if err != nil {
		return err
	}

	renewal := cfg.renewal()
	bar := newProgress(c.stderr, c.now, "import "+kind)
	report, err := method(db)(ctx, f, storage.ImportOptions{
		Identifier: login.ParseIdentifier,
		// How long the clave was is not to be seen in its hash: the waiver comes with the next one.
		ClaveDue: func(set time.Time, afiliadoID string) time.Time {
			return renewal.DueAt(set, "", storage.Holder{AfiliadoID: afiliadoID}) // who is new here has no passkey
		},
		Now: c.now,
		Refused: func(r storage.Refusal) error {
			c.println(r)
			return c.unsaid
		},
		Progress: bar.at,
	})
	bar.end()
	if errors.Is(err, storage.ErrImportFile) {
		return fmt.Errorf("%s: %s; clave import %s -h lists the columns", name, strings.TrimPrefix(err.Error(), "storage: import: "), kind)
	}
	if err != nil {
		return fmt.Errorf("%w; what came before is stored: give the same file again to go on", err)
	}
	if report.Resumed > 0 {
		c.printf("went on after line %d\n", report.Resumed)
	}
	c.printf("%d lines: %d added, %d changed, %d unchanged, %d refused\n",
		report.Lines, report.Added, report.Updated, report.Unchanged, report.Refused)
	if report.Refused > 0 {
		return fmt.Errorf("%d lines were refused, listed on stdout; mend them and import them again", report.Refused)
	}
	return nil
}

package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"

	"iess.gob.ec/clave/storage"
)

func (c *commands) audit() *cobra.Command {
	cmd := group(&cobra.Command{Use: "audit", Short: "Prove the log of what happened, or take it elsewhere"})
	var verifiers, heads []string
	verify := &cobra.Command{
		Use: "verify", Short: "Recompute the whole log, its heads and their signatures; name what does not agree", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.auditVerify(cmd.Context(), verifiers, heads) },
	}
	verify.Flags().StringArrayVar(&verifiers, "verifier", nil,
		"a public key as clave audit key printed it; may be given again where the key was replaced; default: that of audit.key_file")
	verify.Flags().StringArrayVar(&heads, "head", nil, "a file with a signed head kept elsewhere; may be given again")
	var name string
	key := &cobra.Command{
		Use: "key FILE", Short: "Write a fresh key that signs heads to FILE (mode 0600) and print the public one", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			public, err := writeAuditKey(args[0], name)
			if err != nil {
				return err
			}
			c.println(public)
			return nil
		},
	}
	key.Flags().StringVar(&name, "name", "clave/audit", "whose log it is; stands in every head")
	cmd.AddCommand(verify,
		&cobra.Command{
			Use: "export", Short: "Write the sealed log and its heads to stdout as JSON lines, without personal data", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return c.auditExport(cmd.Context()) },
		}, key)
	return cmd
}

func (c *commands) auditVerify(ctx context.Context, public, files []string) error {
	cfg, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	if len(public) == 0 {
		own, err := publicKey(cfg.Audit.Key)
		if err != nil {
			return err
		}
		public = []string{own}
	}
	var verifiers []note.Verifier
	for _, text := range public {
		verifier, err := note.NewVerifier(text)
		if err != nil {
			return usageError{"audit verify: -verifier is not a public key; write the line that clave audit key printed"}
		}
		verifiers = append(verifiers, verifier)
	}
	var copies []string
	for _, name := range files {
		text, err := os.ReadFile(name) //nolint:gosec // the operator names it
		if err != nil {
			return err
		}
		copies = append(copies, string(text))
	}
	bar := newProgress(c.stderr, c.now, "audit verify")
	check, err := db.VerifyAudit(ctx, note.VerifierList(verifiers...), copies, func(f storage.AuditFinding) { c.println(finding(f)) }, bar.at)
	bar.end()
	if err != nil {
		return err
	}
	last := "never"
	if !check.LastHead.IsZero() {
		last = check.LastHead.UTC().Format(time.RFC3339)
	}
	c.printf("%d rows in the log, %d waiting to be sealed; %d heads checked, the last signed %s over %d rows; "+
		"personal data of %d rows agree, of %d are erased\n",
		check.Leaves, check.Pending, check.Heads, last, check.SignedTo, check.Personal, check.Erased)
	if check.Findings > 0 {
		return fmt.Errorf("the audit does not agree in %d places, listed on stdout; keep the database as it is and compare with an export or a backup", check.Findings)
	}
	return nil
}

// finding is one line of what does not agree.
func finding(f storage.AuditFinding) string {
	where := "the log"
	switch {
	case f.AuditID > 0 && f.Leaf >= 0:
		where = fmt.Sprintf("row %d, leaf %d", f.AuditID, f.Leaf)
	case f.AuditID > 0:
		where = fmt.Sprintf("row %d", f.AuditID)
	case f.Leaf >= 0:
		where = fmt.Sprintf("leaf %d", f.Leaf)
	}
	return where + ": " + f.Problem
}

func (c *commands) auditExport(ctx context.Context) error {
	_, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	bar := newProgress(c.stderr, c.now, "audit export")
	_, err = db.ExportAudit(ctx, c.stdout, bar.at)
	bar.end()
	return err
}

// writeAuditKey makes a key that signs heads and returns its public part.
func writeAuditKey(file, name string) (string, error) {
	key, err := storage.NewAuditKey(name)
	if err != nil {
		return "", err
	}
	return key.Verifier, create(file, key.Secret+"\n")
}

// publicKey is the public part of a note signer's text, whose last field is the
// algorithm and the Ed25519 seed (golang.org/x/mod/sumdb/note, "Signing Notes").
func publicKey(secret string) (string, error) {
	fields := strings.SplitN(secret, "+", 5) // the last is base64, which has + of its own
	if len(fields) != 5 {
		return "", errors.New("audit.key_file holds no key that signs; make one with: clave audit key FILE")
	}
	data, err := base64.StdEncoding.DecodeString(fields[4])
	if err != nil || len(data) != 1+ed25519.SeedSize {
		return "", errors.New("audit.key_file holds no Ed25519 key; give its public one with -verifier")
	}
	public, _ := ed25519.NewKeyFromSeed(data[1:]).Public().(ed25519.PublicKey)
	return note.NewEd25519VerifierKey(fields[2], public)
}

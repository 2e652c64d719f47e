package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"iess.gob.ec/clave/login"
	claves "iess.gob.ec/clave/login/clave"
	"iess.gob.ec/clave/storage"
)

// afiliado is the few acts an operator of the machine may do to a person, each
// audited, and mailed to her where her account changes.
func (c *commands) afiliado() *cobra.Command {
	cmd := group(&cobra.Command{
		Use: "afiliado", Short: "A person: her state, and the few acts an operator may do, each audited",
		Long: "ID is a cédula, a código de identificación, or the person's opaque id.",
	})
	cmd.AddCommand(
		&cobra.Command{
			Use: "show ID", Short: "Show the state of a person's account, her last mails and nothing that could open it", Args: cobra.ExactArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error { return c.afiliadoShow(cmd.Context(), args[0]) },
		},
		c.afiliadoAct("unlock", `Lift the lock of a person's clave; where "No fui yo" closed it, open Generar / Recuperar clave again and no more`, "unlocked", true,
			always(claves.UnlockByOperator)),
		c.afiliadoAct("disable", "Switch a person's account off for good: her sessions end, nothing opens any more, and no command undoes it", "disabled", true,
			always(claves.DisableByOperator)),
		c.afiliadoAct("passkeys", "End all of a person's passkeys, her authenticator application and her recovery codes, once she has been identified at a desk",
			"ended the passkeys and second factors of", true, endFactors),
		c.afiliadoAct("mail", "Let mail go again to a person's address that was given up because its server refused it",
			"mail goes again to the address of", false, always(claves.AllowMailByOperator)),
	)
	return cmd
}

// afiliadoAct is one act, of which the person is told where mailed says so; done
// says to whoever did it that it is.
func (c *commands) afiliadoAct(name, short, done string, mailed bool, act func(*config) operatorAct) *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: name + " ID", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return usageError{"afiliado " + name + ": -reason TEXT is missing; it stands in the audit"}
			}
			return c.afiliadoDo(cmd.Context(), args[0], reason, done, mailed, act)
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; stands in the audit (required)")
	return cmd
}

// findAfiliado returns whoever id names.
func findAfiliado(ctx context.Context, db *storage.DB, id string) (*storage.Afiliado, error) {
	var a *storage.Afiliado
	identifier, _, err := login.ParseIdentifier(id)
	if err == nil {
		a, err = db.AfiliadoByIdentifier(ctx, identifier)
	}
	if errors.Is(err, login.ErrIdentifier) || errors.Is(err, storage.ErrNotFound) { // an opaque id may look like a code
		a, err = db.Afiliado(ctx, id)
	}
	if errors.Is(err, storage.ErrNotFound) {
		return nil, errors.New("there is nobody with that identifier; a cédula has ten digits, and its last one is a check digit")
	}
	return a, err
}

func (c *commands) afiliadoShow(ctx context.Context, id string) error {
	cfg, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	a, err := findAfiliado(ctx, db, id)
	if err != nil {
		return err
	}
	budget, err := db.LoginBudget(ctx, db.IdentifierMAC(a.Identifier))
	if err != nil {
		return err
	}
	spent, err := db.RecoveryBudget(ctx, db.IdentifierMAC(a.Identifier), c.now())
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	say(w, "id\t%s\n", a.ID)
	say(w, "identifier\t%s (%s)\n", a.Identifier, a.IdentifierType)
	say(w, "kinds\t%s\n", strings.Join(a.Kinds, ", "))
	say(w, "estado\t%s\n", a.Estado)
	say(w, "fingerprint\t%s\n", yesNo(a.Fingerprint))
	mailbox := yesNo(a.Email != "")
	switch why, err := db.Suppressed(ctx, a.Email, c.now()); {
	case err == nil:
		mailbox = "refused mail (" + why.Reason + ") " + instant(why.CreatedAt.Time) + "; nothing is sent there until " + instant(why.ExpiresAt.Time)
	case !errors.Is(err, storage.ErrNotFound):
		return err
	}
	say(w, "mailbox\t%s\n", mailbox)
	say(w, "disabled\t%s\n", instant(a.DisabledAt.Time))
	lock := "-"
	if budget.LockReason != "" {
		lock = budget.LockReason + " since " + instant(budget.LockedAt.Time)
		if end := cfg.lockout().Ends(budget); !end.IsZero() {
			lock += ", until " + instant(end)
		}
	}
	say(w, "locked\t%s\n", lock)
	say(w, "recovery\t%d of %d attempts spent\n", min(spent, cfg.Recovery.Attempts), cfg.Recovery.Attempts)
	switch present, err := db.Clave(ctx, a.ID); {
	case errors.Is(err, storage.ErrNotFound):
		say(w, "clave\tnone\n")
	case err != nil:
		return err
	default:
		say(w, "clave\tset %s, to be renewed %s\n", instant(present.CreatedAt.Time), instant(present.DueAt.Time))
	}
	factors, err := db.Factors(ctx, a.ID, c.now())
	if err != nil {
		return err
	}
	say(w, "passkeys\t%d\n", factors.Passkeys)
	say(w, "second factors\tauthenticator application %s, %d recovery codes left\n", yesNo(factors.TOTP), factors.Codes)
	mails, err := db.Messages(ctx, a.ID, 10)
	if err != nil {
		return err
	}
	for _, m := range mails {
		say(w, "mail\t%s\t%s\t%s\n", instant(m.CreatedAt.Time), m.Template, m.State)
	}
	return w.Flush()
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func (c *commands) afiliadoDo(ctx context.Context, id, reason, done string, mailed bool, act func(*config) operatorAct) error {
	cfg, db, err := c.open(ctx)
	if err != nil {
		return err
	}
	a, err := findAfiliado(ctx, db, id)
	if err != nil {
		return err
	}
	switch err := act(cfg)(ctx, db, a.ID, reason, c.now()); {
	case errors.Is(err, claves.ErrNotLocked):
		return fmt.Errorf("%s is not locked; nothing was done", a.Identifier)
	case errors.Is(err, claves.ErrOnlyRecovery):
		done = `the clave stays closed ("No fui yo"), and Generar / Recuperar clave is open again for`
	case errors.Is(err, claves.ErrDisavowed):
		return fmt.Errorf(`somebody else knows the clave of %s ("No fui yo"): only Generar / Recuperar clave lifts that lock; nothing was done`, a.Identifier)
	case errors.Is(err, claves.ErrNotSuppressed):
		return fmt.Errorf("no address of %s was given up; nothing was done", a.Identifier)
	case errors.Is(err, claves.ErrNoFactors):
		return fmt.Errorf("%s has no passkey, no second factor and no recovery code; nothing was done", a.Identifier)
	case errors.Is(err, storage.ErrConflict):
		return fmt.Errorf("%s is disabled already; nothing was done", a.Identifier)
	case err != nil:
		return err
	}
	told := "she will be told by mail"
	switch {
	case !mailed:
		told = "what was given up meanwhile is not sent"
	case a.Email == "":
		told = "there is no mailbox on file to tell her"
	}
	c.println(done, a.Identifier.String()+";", told)
	return nil
}

// operatorAct is one of the acts, on the person with that opaque id.
type operatorAct func(ctx context.Context, db *storage.DB, afiliadoID, reason string, now time.Time) error

// always is an act that no configuration changes.
func always(act operatorAct) func(*config) operatorAct {
	return func(*config) operatorAct { return act }
}

// endFactors ends a person's factors; her clave is due again as cfg says.
func endFactors(cfg *config) operatorAct {
	return func(ctx context.Context, db *storage.DB, id, reason string, now time.Time) error {
		return claves.EndFactorsByOperator(ctx, db, cfg.renewal(), id, reason, now)
	}
}

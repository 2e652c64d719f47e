package login

import (
	"context"
	"errors"
	"net/http"
	"time"

	"iess.gob.ec/clave/login/totp"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// amrOTP is a code of an authenticator application; amrMFA says that there was more
// than one factor (RFC 8176). Of a recovery code there is no name.
const (
	amrOTP = "otp"
	amrMFA = "mfa"
)

// SecondTyped is what somebody typed for a second step: one of the two.
type SecondTyped struct {
	Code  string // of her authenticator application
	Saved string // a recovery code
}

// SecondVerdict is how that ended.
type SecondVerdict struct {
	Proof *Proof          // of both steps; nil: none
	Fault templates.Fault // what was wrong, where there is no proof and the step is not over
	From  time.Time       // with templates.SecondPause: from when on codes are compared again
	Left  int             // attempts that are left of the step
	Over  bool            // she begins again with her clave
}

// Fault is what is wrong with what was typed before anything is compared, "" for
// nothing.
func (t SecondTyped) Fault() templates.Fault {
	digits := 0
	for _, r := range t.Code {
		if '0' <= r && r <= '9' {
			digits++
		}
	}
	switch {
	case t.Saved != "":
		return ""
	case digits == 0:
		return templates.SecondEmpty
	case digits != totp.Digits:
		return templates.SecondMalformed
	default:
		return ""
	}
}

// TrySecond compares in tx what was typed for q, writes down how that ended, and
// where it was right gives the proof of both steps: the grant and the code are spent.
// It holds the person's row. The transaction is to be committed whatever the verdict.
func (s *Server) TrySecond(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, q *Second, typed SecondTyped) (SecondVerdict, error) {
	if fault := typed.Fault(); fault != "" {
		return SecondVerdict{Fault: fault, Left: LinkAttempts - q.grant.Attempts}, nil
	}
	a, err := tx.LockAfiliado(ctx, q.grant.AfiliadoID)
	if err != nil {
		return SecondVerdict{}, err
	}
	proof, err := s.secondProof(ctx, tx, r, v, q, a)
	if err != nil || proof == nil {
		return SecondVerdict{Over: true}, err
	}
	t := &secondTrial{s, tx, r, v, a}
	return t.run(ctx, q, typed, proof)
}

// TrySecondPasskey is TrySecond for a passkey's response to options for q's person.
// It takes no attempt: nobody guesses one.
func (s *Server) TrySecondPasskey(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, q *Second, response string) (SecondVerdict, error) {
	a, err := tx.LockAfiliado(ctx, q.grant.AfiliadoID)
	if err != nil {
		return SecondVerdict{}, err
	}
	proof, err := s.secondProof(ctx, tx, r, v, q, a)
	if err != nil || proof == nil {
		return SecondVerdict{Over: true}, err
	}
	by, err := s.TryPasskey(ctx, tx, r, v, a.ID, response)
	if err != nil || by.Proof == nil {
		return SecondVerdict{}, err
	}
	won, err := tx.UseLink(ctx, q.grant.ID, v.Now)
	if err != nil || !won {
		return SecondVerdict{Over: true}, err
	}
	return SecondVerdict{Proof: by.Proof.AfterClave()}, nil
}

// secondProof is the proof that a right step completes; nil where the person may not
// enter any more, or has another clave than the one that was typed.
func (s *Server) secondProof(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, q *Second, a *storage.Afiliado) (*Proof, error) {
	standing, err := tx.Standing(ctx, a.ID, "", v.Now)
	if err != nil {
		return nil, err
	}
	p := &Proof{
		Account: &storage.Account{ID: a.ID, Locale: a.Locale, DisabledAt: a.DisabledAt}, Clave: standing.Clave, Factors: standing.Factors,
		acr: ACR2FA, mac: s.DB.IdentifierMAC(a.Identifier),
	}
	budget, err := tx.LoginBudget(ctx, p.mac)
	if err != nil {
		return nil, err
	}
	shut := budget.LockReason == storage.LockOperador || budget.LockReason == storage.LockCompromiso
	if shut || a.Disabled() || p.Clave == nil || p.Clave.CreatedAt.After(q.grant.CreatedAt.Time) {
		return nil, nil //nolint:nilnil // documented: none
	}
	p.known, err = s.Hers(ctx, r, v, p.mac)
	return p, err
}

// secondTrial compares what was typed. The person is held.
type secondTrial struct {
	*Server
	tx *storage.Tx
	r  *http.Request
	v  *Visit
	a  *storage.Afiliado
}

func (t *secondTrial) run(ctx context.Context, q *Second, typed SecondTyped, proof *Proof) (SecondVerdict, error) {
	app, err := t.tx.TOTP(ctx, t.a.ID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return SecondVerdict{}, err
	}
	if err != nil || !app.Live(t.v.Now) {
		app = nil
	}
	if typed.Saved == "" && app != nil {
		if from := codesFrom(app.Failures, app.FailedAt.Time, t.v.Now); !from.IsZero() {
			return SecondVerdict{Fault: templates.SecondPause, From: from, Left: LinkAttempts - q.grant.Attempts}, nil
		}
	}
	number, err := t.tx.LinkAttempt(ctx, q.grant.ID, LinkAttempts, t.v.Now)
	if err != nil || number == 0 {
		return SecondVerdict{Over: true}, err
	}
	var fault templates.Fault
	if typed.Saved != "" {
		fault, err = t.saved(ctx, typed.Saved, proof)
	} else {
		fault, err = t.code(ctx, app, typed.Code, number-1, proof)
	}
	if err != nil {
		return SecondVerdict{}, err
	}
	if fault != "" {
		left := LinkAttempts - number
		return SecondVerdict{Fault: fault, Left: left, Over: left == 0}, nil
	}
	won, err := t.tx.UseLink(ctx, q.grant.ID, t.v.Now)
	if err != nil || !won {
		return SecondVerdict{Over: true}, err
	}
	return SecondVerdict{Proof: proof}, nil
}

// code compares one of the application, nil for none. Before is how many of this
// step were wrong: a right one takes those away.
func (t *secondTrial) code(ctx context.Context, app *storage.TOTP, typed string, before int, proof *Proof) (templates.Fault, error) {
	if app == nil {
		return templates.SecondWrong, t.denied(ctx, amrOTP)
	}
	step, right, err := totp.Match(app.Secret, typed, t.v.Now)
	if err != nil {
		return "", err
	}
	if right {
		used, err := t.tx.UseTOTP(ctx, t.a.ID, step, before, t.v.Now)
		if err == nil && !used {
			return templates.SecondUsed, t.denied(ctx, amrOTP)
		}
		proof.amr = amrClave + " " + amrOTP + " " + amrMFA
		return "", err
	}
	weighing := codesWeighing(app.Failures, app.FailedAt.Time, t.v.Now) + 1
	if err := t.tx.FailTOTP(ctx, t.a.ID, weighing, t.v.Now); err != nil {
		return "", err
	}
	if err := t.denied(ctx, amrOTP); err != nil {
		return "", err
	}
	told := weighing == codesFree || weighing == codesMost
	return templates.SecondWrong, t.NotifyIf(ctx, t.tx, t.r, t.v, string(templates.StepGuessed), proof.mac, Notice{}, told)
}

// saved compares a recovery code. It has 80 random bits, and needs no pause.
func (t *secondTrial) saved(ctx context.Context, typed string, proof *Proof) (templates.Fault, error) {
	used, err := t.tx.UseRecoveryCode(ctx, t.a.ID, typed, t.v.Now)
	if err != nil {
		return "", err
	}
	if !used {
		return templates.SavedWrong, t.denied(ctx, fieldSaved)
	}
	proof.amr = amrClave + " " + amrMFA
	return "", t.TellFactor(ctx, t.tx, t.r, t.v, t.a, templates.CodeUsed, nil, Notice{})
}

func (t *secondTrial) denied(ctx context.Context, by string) error {
	e := t.v.Event(t.r, EventSecondDenied, t.a.ID)
	e.Detail = map[string]string{"by": by}
	return t.tx.Audit(ctx, e)
}

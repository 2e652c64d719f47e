package login

import (
	"context"
	"errors"
	"net/http"
	"time"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Attempt is one try at a clave, compared but not settled.
type Attempt struct {
	clave   string
	id      storage.Identifier
	mac     []byte // of id
	byNet   []byte // pressure of the network
	failing int    // failures on the identifier lately, before this one
	network int    // failures of the network
	who     *storage.Credentials
	budget  storage.LoginBudget // read on a known device, and where locks end by themselves
	known   bool                // the browser is known to be hers
	inLane  bool                // the attempt is one of the browser's own, not of the identifier's
	number  int                 // of the attempt reserved; 0: none was left, nothing was compared
	right   bool
	phc     string // a stronger hash of the same clave, "" where the stored one is of today
}

// Right reports whether the clave was the stored one. Only Settle makes a proof
// of it.
func (a *Attempt) Right() bool { return a.right }

// Proof is a person who has just proved who she is.
type Proof struct {
	*storage.Account
	Clave   *storage.Clave  // without its hash; nil where she has none
	Factors storage.Factors // what she has beside it; not read where it was by a passkey
	amr     string          // by what (RFC 8176), separated by spaces
	acr     string          // the class that it is of
	mac     []byte          // of her identifier
	known   bool            // in a browser known to be hers
	passkey string          // the id of the one it was by, "" for none
}

// Try compares a clave with the one of id, if anybody has it and an attempt is
// left; else it does the same work for nothing (T01). Where pressure asks for a
// challenge that the form has not answered, it returns what challenge.Verify
// says, and ErrBusy where no hash slot comes free; no attempt is then spent, and
// Refusal is what the page tells. Any Attempt has to be given to Settle.
func (s *Server) Try(ctx context.Context, r *http.Request, v *Visit, id storage.Identifier, clave string) (*Attempt, error) {
	a := &Attempt{clave: s.Policy.Canonical(clave), id: id, mac: s.DB.IdentifierMAC(id), byNet: s.NetworkKey(r)}
	err := s.guard(ctx, r, v, a)
	if err != nil {
		return nil, err
	}
	a.who, err = s.DB.Credentials(ctx, a.mac, s.deviceHash(r), v.Now)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return nil, err
	}
	a.known = a.who != nil && a.who.Device != nil
	if !a.known { // pressure is for strangers
		if err := s.delay(ctx, a); err != nil {
			return nil, err
		}
	}
	slot, err := s.slot(ctx, a)
	if err != nil {
		return nil, err
	}
	defer slot.Release()
	if err := s.DB.InTx(ctx, func(tx *storage.Tx) error { return s.reserve(ctx, tx, a, v) }); err != nil {
		return nil, err
	}
	return a, s.compare(slot, a)
}

// slot takes a hash slot for the attempt. Strangers of one network wait for one
// in places of their own, few where its failures press: delays are served side by
// side, and a flood from there would leave nobody else a slot (T28).
func (s *Server) slot(ctx context.Context, a *Attempt) (*Slot, error) {
	if a.known {
		return s.Hash.TakeFirst(ctx)
	}
	return s.strangerSlot(ctx, a.byNet, a.network)
}

// TakeSlot takes a hash slot for a stranger who answers something else than for
// her clave.
func (s *Server) TakeSlot(ctx context.Context, r *http.Request, v *Visit) (*Slot, error) {
	level, _, err := s.Levels(ctx, r, v, "")
	if err != nil {
		return nil, err
	}
	return s.strangerSlot(ctx, s.NetworkKey(r), level)
}

func (s *Server) strangerSlot(ctx context.Context, network []byte, level int) (*Slot, error) {
	places := s.crowd
	if level > s.Network.Free {
		places = s.pressed
	}
	leave, err := places.enter(ctx, string(network), s.Hash.RetryAfter())
	if errors.Is(err, ErrBusy) {
		s.Hash.counts.refused.Add(1)
	}
	if err != nil {
		return nil, err
	}
	defer leave()
	return s.Hash.Take(ctx)
}

// delay makes the attempt wait as long as recent failures weigh.
func (s *Server) delay(ctx context.Context, a *Attempt) error {
	if d := max(s.Identifier.Delay(a.failing), s.Network.Delay(a.network)); d > 0 {
		return s.Wait(ctx, d)
	}
	return nil
}

// reserve takes one of the attempts: of the browser's own where it is known, of
// the identifier's otherwise. That statement alone decides how many claves are
// ever compared (S069).
func (s *Server) reserve(ctx context.Context, tx *storage.Tx, a *Attempt, v *Visit) error {
	var err error
	if a.known || s.Lockout.Expires > 0 {
		id := ""
		if a.who != nil {
			id = a.who.ID
		}
		if a.budget, err = s.EndLock(ctx, tx, a.mac, id, v.Now); err != nil {
			return err
		}
	}
	if a.known {
		a.inLane = true
		if !passes(a.budget.LockReason, true) || a.who.Disabled() {
			return nil
		}
		a.number, err = tx.ReserveDeviceAttempt(ctx, a.who.Device.ID, s.Lockout.Attempts, v.Now)
		if err != nil || a.number > 0 || a.budget.LockReason != "" {
			return err
		}
		a.inLane = false // used up, and since then somebody has lifted the lock that this caused
	}
	a.number, err = tx.ReserveAttempt(ctx, a.mac, s.Lockout.Attempts, v.Now, v.Now.Add(s.BudgetLife))
	return err
}

func (s *Server) compare(slot *Slot, a *Attempt) error {
	real := a.number > 0 && a.who != nil && a.who.HasClave() && !a.who.Disabled()
	if len(a.clave) > maxClaveBytes { // no clave is that long: hash a part of it and compare nothing
		a.clave, real = a.clave[:maxClaveBytes], false
	}
	if !real {
		return slot.Waste(a.clave)
	}
	phc, err := s.DB.PHC(a.who)
	if err != nil {
		return err
	}
	right, old, err := slot.Compare(phc, a.clave)
	if err != nil {
		return err
	}
	a.right = right
	if right && old {
		a.phc, err = slot.Make(a.clave)
	}
	return err
}

// Settle writes down how the attempt ended. A right clave gives a Proof, unless
// the person's state has changed since it was compared; anything else gives nil.
// The person's row is then held until tx ends.
func (s *Server) Settle(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, a *Attempt) (*Proof, error) {
	if a.right {
		p, err := s.settleRight(ctx, tx, r, v, a)
		if err != nil || p != nil {
			return p, err
		}
		a.right = false
	}
	return nil, s.settleWrong(ctx, tx, r, v, a)
}

func (s *Server) settleRight(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, a *Attempt) (*Proof, error) {
	account, err := tx.LockAccount(ctx, a.who.ID)
	if err != nil {
		return nil, err
	}
	standing, err := tx.Standing(ctx, account.ID, "", v.Now)
	if err != nil {
		return nil, err
	}
	clave := standing.Clave
	budget, err := tx.LoginBudget(ctx, a.mac)
	if err != nil {
		return nil, err
	}
	// A lock of LockLogin was set by attempts made beside this one, which was
	// within the budget: nothing was locked when it was reserved.
	open := passes(budget.LockReason, a.inLane) || budget.LockReason == storage.LockLogin
	if account.Disabled() || clave == nil || !clave.CreatedAt.Equal(a.who.ClaveAt.Time) || !open {
		return nil, nil //nolint:nilnil // documented: no proof
	}
	if a.inLane {
		err = tx.ForgiveDevice(ctx, a.who.Device.ID)
	} else {
		err = tx.ForgiveAttempts(ctx, a.mac)
	}
	if err != nil {
		return nil, err
	}
	if a.phc != "" {
		if err := tx.RehashClave(ctx, *clave, a.phc); err != nil {
			return nil, err
		}
	}
	if s.Policy.IsCommon(a.clave) && !clave.Compromised { // DEV-2: forced at once on a hit
		clave.Compromised = true
		if err := tx.CompromiseClave(ctx, account.ID); err != nil {
			return nil, err
		}
		if err := tx.Audit(ctx, v.Event(r, eventClaveCompromised, account.ID)); err != nil {
			return nil, err
		}
	}
	return &Proof{
		Account: account, Clave: clave, Factors: standing.Factors, amr: amrClave, acr: acrOf(clave.Long), mac: a.mac, known: a.known,
	}, nil
}

// settleWrong does the same for everybody, known or not: one statement that may
// lock, one audit event, one errand where it did lock, two pressures. The one that
// all neighbours share comes last, to be held shortest.
func (s *Server) settleWrong(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, a *Attempt) error {
	s.watch.failed.Add(1)
	afiliadoID := ""
	if a.who != nil {
		afiliadoID = a.who.ID
	}
	locked := false
	var err error
	if !a.inLane {
		locked, err = tx.SettleFailure(ctx, a.mac, s.Lockout.Attempts, a.who != nil, v.Now, v.Now.Add(s.BudgetLife))
	} else if s.Lockout.Locks(a.number) {
		locked, err = tx.LockClave(ctx, a.mac, storage.LockLogin, v.Now)
	}
	if err != nil {
		return err
	}
	e := v.Event(r, eventClaveDenied, afiliadoID)
	if locked {
		e.Name = EventClaveLocked
	}
	e.Detail = map[string]string{"lane": "identifier"}
	if a.inLane {
		e.Detail["lane"] = "device"
	}
	if err := tx.Audit(ctx, e); err != nil {
		return err
	}
	err = s.NotifyIf(ctx, tx, r, v, NoticeLocked, a.mac, Notice{Reason: storage.LockLogin}, locked)
	if err != nil || a.inLane {
		return err
	}
	if err := s.PressIdentifier(ctx, tx, v, a.id); err != nil {
		return err
	}
	return s.PressNetwork(ctx, tx, r, v)
}

// Reason is what the person is told on a device known to be hers, "" where there
// is only the one sentence for everybody.
func (s *Server) Reason(a *Attempt) templates.Reason {
	if !a.inLane {
		return ""
	}
	return exactReason(a.who.Account, a.budget, s.Spent(a))
}

// Until is when the lock that Reason tells of ends by itself; zero: never.
func (s *Server) Until(a *Attempt, v *Visit) time.Time {
	b := a.budget
	if b.LockReason == "" { // this attempt has set it
		b.LockReason, b.LockedAt = storage.LockLogin, storage.At(v.Now)
	}
	if a.who == nil || a.who.Disabled() {
		return time.Time{}
	}
	return s.Lockout.Ends(b)
}

// Spent reports whether the attempt was the last one, or came after it.
func (s *Server) Spent(a *Attempt) bool { return a.number == 0 || s.Lockout.Locks(a.number) }

// Advise reports whether S070's advice is due: from the third failure on. It
// counts what exists for every identifier, whether or not anybody has it.
func (a *Attempt) Advise() bool {
	if a.inLane {
		return a.number >= 3
	}
	return a.failing+1 >= 3
}

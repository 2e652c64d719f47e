package login

import (
	"context"
	"net/http"

	"iess.gob.ec/clave/storage"
)

// sharedDevice is the device cookie of a shared computer, which gets no lanes.
const sharedDevice = "shared"

// How a sign-in found the browser (detail of EventSessionStarted).
const (
	DeviceKnown  = "known" // the person's own; of any other she is told
	deviceNew    = "new"
	deviceShared = "shared"
)

// deviceHash finds the known-device lane of this browser; "" where it has none.
func (s *Server) deviceHash(r *http.Request) string {
	value := secret(r, s.cookies.device)
	if value == "" {
		return ""
	}
	return storage.Hash(value)
}

// keepDevice makes this browser known as the person's own (D03), or, where more
// people sign in here than one household has, or she says so, a shared computer,
// which is nobody's. A secret that no lane uses was not issued by us: it is replaced
// (T14). It returns how the browser was found and what sets the cookie.
func (s *Server) keepDevice(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, p *Proof) (string, func(http.ResponseWriter), error) {
	value, found := secret(r, s.cookies.device), deviceNew
	if s.SharedHere(r) || v.Form.Has(FieldShared) {
		return deviceShared, s.markShared, s.dropBrowser(ctx, tx, value)
	}
	if p.known {
		found = DeviceKnown
	} else if value != "" {
		people, err := tx.DevicePeople(ctx, storage.Hash(value), v.Now)
		if err != nil {
			return "", nil, err
		}
		if people >= s.DevicePeople {
			return deviceShared, s.markShared, s.dropBrowser(ctx, tx, value)
		}
		if people == 0 {
			value = ""
		}
	}
	if value == "" {
		value = storage.NewSecret()
	}
	keep, err := s.lane(ctx, tx, r, v, p.ID, value)
	return found, keep, err
}

// lane keeps the person's lane in the browser that has, or is to get, that secret.
func (s *Server) lane(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, afiliadoID, value string) (func(http.ResponseWriter), error) {
	now := storage.At(v.Now)
	err := tx.KeepDevice(ctx, storage.Device{
		ID: storage.NewID(), SecretHash: storage.Hash(value), AfiliadoID: afiliadoID, UserAgent: userAgent(r),
		CreatedAt: now, LastAt: now, ExpiresAt: storage.At(v.Now.Add(s.DeviceLife)),
	})
	return func(w http.ResponseWriter) { s.set(w, s.cookies.device, value, s.DeviceLife) }, err
}

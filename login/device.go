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
// people sign in here than one household has, a shared computer, which is
// nobody's. A secret that no lane uses was not issued by us: it is replaced
// (T14). It returns how the browser was found and what sets the cookie.
func (s *Server) keepDevice(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, p *Proof) (string, func(http.ResponseWriter), error) {
	if c, err := r.Cookie(s.cookies.device); err == nil && c.Value == sharedDevice {
		return deviceShared, func(w http.ResponseWriter) { s.set(w, s.cookies.device, sharedDevice, s.DeviceLife) }, nil
	}
	value, found := secret(r, s.cookies.device), deviceNew
	if p.known {
		found = DeviceKnown
	} else if value != "" {
		people, err := tx.DevicePeople(ctx, storage.Hash(value), v.Now)
		if err != nil {
			return "", nil, err
		}
		if people >= s.DevicePeople {
			if err := tx.DropBrowser(ctx, storage.Hash(value)); err != nil {
				return "", nil, err
			}
			return deviceShared, func(w http.ResponseWriter) { s.set(w, s.cookies.device, sharedDevice, s.DeviceLife) }, nil
		}
		if people == 0 {
			value = ""
		}
	}
	if value == "" {
		value = storage.NewSecret()
	}
	now := storage.At(v.Now)
	err := tx.KeepDevice(ctx, storage.Device{
		ID: storage.NewID(), SecretHash: storage.Hash(value), AfiliadoID: p.ID, UserAgent: userAgent(r),
		CreatedAt: now, LastAt: now, ExpiresAt: storage.At(v.Now.Add(s.DeviceLife)),
	})
	if err != nil {
		return "", nil, err
	}
	return found, func(w http.ResponseWriter) { s.set(w, s.cookies.device, value, s.DeviceLife) }, nil
}

package logintest

import (
	"net/http"
	"time"

	"iess.gob.ec/clave/login/totp"
	"iess.gob.ec/clave/storage"
)

// BindTOTP gives a person an authenticator application that counts since a minute
// ago, and says whether a second step follows each of her claves.
func (s *Site) BindTOTP(afiliadoID string, always bool) {
	s.T.Helper()
	at := s.Time().Add(-time.Minute)
	s.In(func(tx *storage.Tx) error {
		ctx := s.T.Context()
		_, err := tx.BeginTOTP(ctx, storage.TOTP{AfiliadoID: afiliadoID, Secret: totp.NewSecret(), CreatedAt: storage.At(at)})
		if err == nil {
			_, err = tx.ConfirmTOTP(ctx, afiliadoID, storage.At(at), totp.Step(at)-totp.Skew-1, at)
		}
		if err == nil {
			err = tx.SetSecondStep(ctx, afiliadoID, always)
		}
		return err
	})
}

// Code is what a person's application shows now.
func (s *Site) Code(afiliadoID string) string {
	s.T.Helper()
	return s.CodeAt(afiliadoID, s.Time())
}

// CodeAt is what it shows at another time.
func (s *Site) CodeAt(afiliadoID string, at time.Time) string {
	s.T.Helper()
	app, err := s.DB.TOTP(s.T.Context(), afiliadoID)
	if err != nil {
		s.T.Fatal(err)
	}
	code, err := totp.Code(app.Secret, totp.Step(at))
	if err != nil {
		s.T.Fatal(err)
	}
	return code
}

// WrongCode is one that the person's application does not show around now.
func (s *Site) WrongCode(afiliadoID string) string {
	s.T.Helper()
	for _, code := range []string{"000000", "000001", "000002", "000003"} {
		around := false
		for by := -totp.Skew; by <= totp.Skew; by++ {
			around = around || code == s.CodeAt(afiliadoID, s.Time().Add(time.Duration(by)*totp.Period))
		}
		if !around {
			return code
		}
	}
	s.T.Fatal("all of them count")
	return ""
}

// SaveCodes gives a person a set of recovery codes and returns it.
func (s *Site) SaveCodes(afiliadoID string) []string {
	s.T.Helper()
	codes := storage.NewRecoveryCodes()
	s.In(func(tx *storage.Tx) error { return tx.SetRecoveryCodes(s.T.Context(), afiliadoID, codes, s.Time()) })
	return codes
}

// Cookies are those that the browser sends.
func (b *Browser) Cookies() []*http.Cookie { return b.client.Jar.Cookies(b.site()) }

// Second sends a code of a person's application from the page that asks for it.
func (b *Browser) Second(page Answer, code string, more ...string) Answer {
	return b.Post("/ingresar/segundo", append([]string{"id", page.Hidden("id"), "sesion", page.Hidden("sesion"), "codigo", code}, more...)...)
}

// Saved sends a recovery code from it.
func (b *Browser) Saved(page Answer, code string) Answer {
	return b.Post("/ingresar/segundo", "id", page.Hidden("id"), "sesion", page.Hidden("sesion"), "codigo_respaldo", code)
}

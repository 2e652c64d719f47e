package cuenta_test

import (
	"testing"
	"time"

	"iess.gob.ec/clave/storage"
)

// T05: whoever still reads the mail of an address that she has removed opens no link
// that went there.
func TestT05_ARemovedAddressOpensNoLink(t *testing.T) {
	each(t, func(t *testing.T, s *site) {
		id := s.AddAddress(s.maria.ID, another, s.Time().Add(-72*time.Hour))
		b := s.enter(s.maria)
		for _, purpose := range []string{storage.LinkGenerar, storage.LinkDesbloqueo} {
			s.In(func(tx *storage.Tx) error {
				return tx.AddLink(t.Context(), storage.Link{
					ID: purpose, Purpose: purpose, AfiliadoID: s.maria.ID, Life: 15 * time.Minute,
					CreatedAt: storage.At(s.Time()), LatestAt: storage.At(s.Time().Add(time.Hour)),
				})
			})
		}
		s.says(b, s.contact(b, s.maria, "/correo/quitar", "direccion", id), "correo-quitado")
		for _, purpose := range []string{storage.LinkGenerar, storage.LinkDesbloqueo} {
			link, err := s.DB.Link(t.Context(), purpose)
			if err != nil || link.Live(s.Time()) {
				t.Errorf("%s: live, %v", purpose, err)
			}
		}
	})
}

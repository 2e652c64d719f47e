package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
)

// maxPeople is how many cédulas generated can give.
const maxPeople = 24 * 99_900

// generated is the cédula of the nth generated afiliado, from 0: valid, and of
// the highest numbers of its province, which are far from being given out. They
// never meet those of the table.
func generated(n int) storage.Identifier {
	base := fmt.Sprintf("%02d%07d", n%24+1, 5_999_899-n/24)
	return storage.Identifier(base + string(login.CheckDigit(base)))
}

// generate adds n afiliados without work history, all with the same clave,
// hashed once. Whoever is there already stays. Their names say that they are
// nobody. It tells progress how many are done.
func (s seeder) generate(ctx context.Context, n int, progress func(done int)) error {
	phc, err := s.hash.Make(ctx, commonClave)
	if err != nil {
		return err
	}
	const batch = 500
	for from := 0; from < n; from += batch {
		to := min(from+batch, n)
		if err := s.batch(ctx, from, to, phc); err != nil {
			return fmt.Errorf("demo: generated people %d to %d: %w", from, to, err)
		}
		progress(to)
	}
	return nil
}

func (s seeder) batch(ctx context.Context, from, to int, phc string) error {
	var missing []int
	for i := from; i < to; i++ {
		_, err := s.db.AfiliadoByIdentifier(ctx, generated(i))
		switch {
		case errors.Is(err, storage.ErrNotFound):
			missing = append(missing, i)
		case err != nil:
			return err
		}
	}
	if len(missing) == 0 {
		return nil
	}
	now, set := storage.At(s.now), s.now.Add(-30*day)
	return s.db.InTx(ctx, func(tx *storage.Tx) error {
		for _, i := range missing {
			a := storage.Afiliado{
				ID: storage.NewID(), Identifier: generated(i), IdentifierType: storage.IdentifierCedula,
				GivenName: "Afiliado de prueba", FamilyName: "Número " + strconv.Itoa(i+1),
				Birthdate: time.Date(1960+i%45, time.Month(1+i%12), 1+i%28, 0, 0, 0, 0, time.UTC).Format(time.DateOnly),
				Email:     "afiliado" + strconv.Itoa(i+1) + "@correo.example", EmailVerified: true,
				Kinds: []string{"afiliado"}, Estado: "activa", CreatedAt: now, UpdatedAt: now,
			}
			if err := tx.AddAfiliado(ctx, a); err != nil {
				return err
			}
			c := storage.Clave{AfiliadoID: a.ID, PHC: phc, CreatedAt: storage.At(set), DueAt: storage.At(s.renewal.DueAt(set, commonClave, storage.Holder{AfiliadoID: a.ID}))}
			if err := tx.SetClave(ctx, c, 1); err != nil {
				return err
			}
		}
		return nil
	})
}

// writePeople writes the identifiers and claves of the first n generated people,
// for load generators. Only the owner may read the file.
func writePeople(name string, n int) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) //nolint:gosec // the folder is the user's choice
	if err != nil {
		return fmt.Errorf("demo: people.csv: %w", err)
	}
	w := bufio.NewWriter(f)
	say(w, "cedula,clave")
	for i := range n {
		say(w, "%s,%s", string(generated(i)), commonClave)
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		return fmt.Errorf("demo: people.csv: %w", err)
	}
	return nil
}

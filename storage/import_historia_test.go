package storage_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"iess.gob.ec/clave/storage"
)

const historiaHeader = "cedula,empleador_ruc,empleador,anio,mes,dias,sueldo,tipo,provincia,sector\n"

func importHistoria(t testing.TB, db *storage.DB, file string, opts storage.ImportOptions) storage.ImportReport {
	t.Helper()
	report, err := db.ImportHistoria(t.Context(), strings.NewReader(file), opts)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestImportHistoria(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, _ *sql.DB) {
		a := person(t, db, "1759999913")
		var refused []string
		file := historiaHeader +
			"1759999913,1790016919001,Corporación Favorita C.A.,2024,2,30,482.5,Aportes,Pichincha,Comercio\n" +
			"1759999913,1790016919001,Corporación Favorita C.A.,2024,1,30,\"482,00\",Aportes,Pichincha,Comercio\n" +
			"0959999913,1790016919001,Corporación Favorita C.A.,2024,1,30,482,Aportes,,\n" +
			"1759999913,1790016919001,Corporación Favorita C.A.,2024,1,15,241,Ajustes,,\n"
		report := importHistoria(t, db, file, importing(&refused))
		if want := (storage.ImportReport{Lines: 4, Added: 3, Refused: 1}); report != want {
			t.Errorf("got %+v, want %+v", report, want)
		}
		if want := []string{"line 4, cedula: nobody with this identifier is on file; import afiliados first"}; !slices.Equal(refused, want) {
			t.Errorf("got %q, want %q", refused, want)
		}
		month := func(n int, kind, province, sector string, days int, cents int64) storage.Historia {
			return storage.Historia{
				AfiliadoID: a.ID, EmployerID: "1790016919001", Employer: "Corporación Favorita C.A.", Year: 2024, Month: n,
				Kind: kind, Province: province, Sector: sector, Days: days, SalaryCents: cents,
			}
		}
		want := []storage.Historia{
			month(1, "Ajustes", "", "", 15, 24100), month(1, "Aportes", "Pichincha", "Comercio", 30, 48200),
			month(2, "Aportes", "Pichincha", "Comercio", 30, 48250),
		}
		if got, err := db.Historia(t.Context(), a.ID); err != nil || !slices.Equal(got, want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}

		refused = nil
		again := strings.Replace(file, "482.5", "500", 1)
		if report := importHistoria(t, db, again, importing(&refused)); report != (storage.ImportReport{Lines: 4, Updated: 1, Unchanged: 2, Refused: 1}) {
			t.Errorf("got %+v, want one month updated and two left", report)
		}
	})
}

func TestImportHistoriaReportsEveryRefusedLine(t *testing.T) {
	db := openEngine(t, "sqlite")
	person(t, db, "1759999913")
	good := strings.Split("1759999913,1790016919001,Favorita,2024,2,30,482.50,Aportes,Pichincha,Comercio", ",")
	for _, tt := range []struct {
		column      int
		value, want string
	}{
		{0, "175", "cedula: is not a cédula of ten digits"},
		{1, "17", "empleador_ruc: is not a RUC or número patronal of 4 to 20 digits, capital letters or hyphens"},
		{2, "", "empleador: is empty"},
		{3, "1900", "anio: is not a whole number from 1928 to 2026"},
		{3, "2027", "anio: is not a whole number from 1928 to 2026"},
		{4, "13", "mes: is not a whole number from 1 to 12"},
		{5, "-1", "dias: is not a whole number from 0 to 31"},
		{6, "1.234.56", "sueldo: is not an amount such as 482.00, without thousands separator"},
		{6, "-482", "sueldo: is not an amount such as 482.00, without thousands separator"},
		{7, strings.Repeat("a", 61), "tipo: is longer than 60 characters"},
	} {
		fields := slices.Clone(good)
		fields[tt.column] = tt.value
		var refused []string
		importHistoria(t, db, historiaHeader+strings.Join(fields, ",")+"\n", importing(&refused))
		if want := []string{"line 2, " + tt.want}; !slices.Equal(refused, want) {
			t.Errorf("got %q, want %q", refused, want)
		}
	}
}

// A run that was stopped after it refused lines for want of the person starts
// again, for she may have come since.
func TestImportHistoriaResumesWithoutLosingLatePeople(t *testing.T) {
	both(t, func(t *testing.T, db *storage.DB, raw *sql.DB) {
		var file strings.Builder
		file.WriteString(historiaHeader)
		for i := range 700 {
			fmt.Fprintf(&file, "1759999913,1790016919001,Favorita,%d,%d,30,482.50,Aportes,,\n", 1950+i/12, 1+i%12)
		}
		stop := errors.New("stopped")
		var refused []string
		opts := importing(&refused)
		opts.Progress = func(done, total int64) {
			if done > total/2 {
				panic(stop)
			}
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the first run was not stopped")
				}
			}()
			_, _ = db.ImportHistoria(t.Context(), strings.NewReader(file.String()), opts)
		}()
		person(t, db, "1759999913")
		refused = nil
		report := importHistoria(t, db, file.String(), importing(&refused))
		if report != (storage.ImportReport{Lines: 700, Added: 700}) || len(refused) > 0 {
			t.Errorf("got %+v, %d refused; want all 700", report, len(refused))
		}
		if n := count(t, raw, `SELECT COUNT(*) FROM historia`); n != 700 {
			t.Errorf("%d months are stored, want 700", n)
		}
	})
}

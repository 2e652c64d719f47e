package main

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// employment is a stretch of contributions at one made-up employer.
type employment struct {
	employer string
	ruc      string
	province string
	sector   string
	from     int   // months ago
	months   int   // how many
	cents    int64 // monthly salary
}

// historiaCSV is the work history of everybody in ps as "clave import historia"
// reads it. The last month of a present job is the one before now.
func historiaCSV(ps []person, now time.Time) io.ReadSeeker {
	var b strings.Builder
	b.WriteString("cedula,empleador_ruc,empleador,provincia,sector,tipo,anio,mes,dias,sueldo\n")
	for _, p := range ps {
		for _, e := range p.jobs {
			for m := range e.months {
				at := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, m-e.from, 0)
				fmt.Fprintf(&b, "%s,%s,%s,%s,%s,dependencia,%d,%d,30,%d.%02d\n",
					string(p.identifier), e.ruc, e.employer, e.province, e.sector, at.Year(), int(at.Month()), e.cents/100, e.cents%100)
			}
		}
	}
	return strings.NewReader(b.String())
}

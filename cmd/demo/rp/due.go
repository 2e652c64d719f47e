package rp

import (
	"encoding/json"
	"time"
)

// dueSoon is how long before her clave falls due a person is warned: less than
// 30 days.
const dueSoon = 30 * 24 * time.Hour

// dueWarning tells a person, before she begins something long, that her clave
// falls due soon.
type dueWarning struct {
	Day    string
	Past   bool   // the day is over: a declared renewal window lets her finish
	Change string // where she changes it
}

// warning reads what the provider said of the clave with the sign-in itself
// (clave_due_at): nobody is asked. nil: nothing to warn of.
func (k known) warning(change string, now time.Time) *dueWarning {
	for _, raw := range []json.RawMessage{payload(k.tokens.id), k.userinfo} {
		var c struct {
			Due *int64 `json:"clave_due_at"`
		}
		if json.Unmarshal(raw, &c) != nil || c.Due == nil {
			continue
		}
		due := time.Unix(*c.Due, 0) // when that day begins
		if due.Sub(now) >= dueSoon {
			return nil
		}
		return &dueWarning{Day: date(due.In(ecuador())), Past: !due.AddDate(0, 0, 1).After(now), Change: change}
	}
	return nil
}

package storage

import (
	"context"
	"fmt"
)

// Donors returns the whole work histories of the first people whose id is not
// below start, wrapping round to the smallest, each person's months together.
// Ids are random: with a keyed start this is a sample by the key (quiz.Pretend).
func (r reads) Donors(ctx context.Context, start string, people int) ([]Historia, error) {
	var out []Historia
	for _, side := range []string{">=", "<"} {
		var ids []string
		err := r.list(ctx, &ids, `SELECT DISTINCT afiliado_id FROM historia WHERE afiliado_id `+side+` ? ORDER BY afiliado_id LIMIT ?`, start, people)
		if err != nil {
			return nil, fmt.Errorf("storage: donors: %w", err)
		}
		for _, id := range ids {
			months, err := r.Historia(ctx, id)
			if err != nil {
				return nil, err
			}
			out = append(out, months...)
		}
		if people -= len(ids); people == 0 {
			break
		}
	}
	return out, nil
}

// Peers returns months of June at other people's employers: at most limit of a
// year in a province and sector, as many of any sector, as many of any province,
// as many of other years; each by people's ids from start on, wrapping round. Some
// are there twice. They are what the wrong options of quiz.Ask are drawn from.
func (r reads) Peers(ctx context.Context, province, sector string, year int, start string, limit int) ([]Historia, error) {
	var out []Historia
	for _, circle := range []struct {
		where string
		args  []any
	}{
		{`h.year = ? AND h.province = ? AND h.sector = ?`, []any{year, province, sector}},
		{`h.year = ? AND h.province = ?`, []any{year, province}},
		{`h.year = ?`, []any{year}},
		{`h.year <> ?`, []any{year}},
	} {
		left := limit
		for _, side := range []string{">=", "<"} {
			var rows []Historia
			err := r.list(ctx, &rows, `SELECT `+historiaColumns+` FROM historia h WHERE h.month = 6 AND `+circle.where+
				` AND h.afiliado_id `+side+` ? ORDER BY h.afiliado_id, h.employer_id, h.year, h.kind LIMIT ?`, append(circle.args, start, left)...)
			if err != nil {
				return nil, fmt.Errorf("storage: peers: %w", err)
			}
			out = append(out, rows...)
			if left -= len(rows); left == 0 {
				break
			}
		}
	}
	return out, nil
}

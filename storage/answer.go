package storage

import (
	"context"
	"fmt"
	"strconv"
)

// Answer is a personal question a person chose and what she answered: never the
// answer, only its Argon2id hash in PHC form, which is itself sealed for her and
// its position.
type Answer struct {
	Question  string // its name in the catalogue
	PHC       string
	CreatedAt Instant
}

// answerID is the id of a row, and what its hash is sealed for besides its column.
func answerID(afiliadoID string, position int) string {
	return afiliadoID + "-" + strconv.Itoa(position)
}

// Answers returns the questions a person chose, in the order in which she did;
// none where she never enrolled.
func (r reads) Answers(ctx context.Context, afiliadoID string) ([]Answer, error) {
	var rows []struct {
		Position  int     `db:"position"`
		Question  string  `db:"question"`
		PHC       []byte  `db:"phc"`
		CreatedAt Instant `db:"created_at"`
	}
	err := r.list(ctx, &rows, `SELECT position, question, phc, created_at FROM personal_answer WHERE afiliado_id = ? ORDER BY position`, afiliadoID)
	if err != nil {
		return nil, fmt.Errorf("storage: answers: %w", err)
	}
	out := make([]Answer, len(rows))
	for i, row := range rows {
		phc, err := r.db.ring.open("answer", "personal_answer.phc/"+answerID(afiliadoID, row.Position), row.PHC)
		if err != nil {
			return nil, err
		}
		out[i] = Answer{Question: row.Question, PHC: string(phc), CreatedAt: row.CreatedAt}
	}
	return out, nil
}

// SetAnswers gives a person these questions and answers, in this order, in place
// of those she had. It holds her row. The same question twice is ErrConflict.
func (tx *Tx) SetAnswers(ctx context.Context, afiliadoID string, answers []Answer) error {
	err := tx.holdAfiliado(ctx, afiliadoID)
	if err == nil {
		err = tx.run(ctx, `DELETE FROM personal_answer WHERE afiliado_id = ?`, afiliadoID)
	}
	for i, a := range answers {
		if err != nil {
			break
		}
		id := answerID(afiliadoID, i)
		var sealed []byte
		if sealed, err = tx.db.ring.seal("answer", "personal_answer.phc/"+id, []byte(a.PHC)); err == nil {
			err = tx.run(ctx, `INSERT INTO personal_answer (id, afiliado_id, position, question, phc, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
				id, afiliadoID, i, a.Question, sealed, a.CreatedAt)
		}
	}
	if err != nil {
		return fmt.Errorf("storage: set answers: %w", err)
	}
	return nil
}

// Package personal is the two personal questions that a person chooses and answers
// (S063, S067): how answers are compared and which will not do, for whoever lets her
// choose. Answers are kept as hashes only, and are never shown again.
package personal

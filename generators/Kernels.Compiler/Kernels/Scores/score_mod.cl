//: # The user's function of a score; to it a query below position 0 is at 0.
score = score_mod(score, row.batch, row.head, max(row.query, (lanes_int)(0)), key${step.arguments});

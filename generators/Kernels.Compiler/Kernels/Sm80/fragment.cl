//: # Two blocks of probabilities as one fragment of the next multiplication, as they lie. Holes: to, row, first, second.
${to}.s0 = pack(score[${row}][${first}].s0, score[${row}][${first}].s1);
${to}.s1 = pack(score[${row}][${first}].s2, score[${row}][${first}].s3);
${to}.s2 = pack(score[${row}][${second}].s0, score[${row}][${second}].s1);
${to}.s3 = pack(score[${row}][${second}].s2, score[${row}][${second}].s3);

//: # A number for each score; -inf hides the key, even one that holds NaN.
const lanes_float added = lanes_gather_at(bias, row.bias_at, key);
score = lanes_select(score + added, added, added == -INFINITY);

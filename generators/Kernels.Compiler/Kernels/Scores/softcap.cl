//: # The score levels off before it reaches the cap.
score = ${step.cap} * tanh(score * ${step.reciprocal});

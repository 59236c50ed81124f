//: # The function that loads so many elements of a row of the cache, where its codec has one. Hole: width.
//: include ${load_function(${width})}

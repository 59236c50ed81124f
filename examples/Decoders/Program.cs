using Decoders;

return await CommandRunner.RunAsync(args);

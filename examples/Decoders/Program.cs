using Decoders;

CompiledAttention.Register();
return await CommandRunner.RunAsync(args);
